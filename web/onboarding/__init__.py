"""The form by which a customer connects their utility account, at the link that their company sent them."""
