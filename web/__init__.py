"""What people use in a browser: the form by which a customer connects their utility account."""
