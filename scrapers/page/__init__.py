"""A visit's browser page: what scripts do with it, what is seen on it, and what follows a press."""
