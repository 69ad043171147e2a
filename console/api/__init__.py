"""Commands about the API: its server and its keys."""
