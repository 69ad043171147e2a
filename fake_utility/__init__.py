"""Fake utilities: web sites that behave like a utility's customer portal. They know nothing of what visits them."""
