"""Fake utilities: web sites that behave like a utility's customer portal, and know nothing of us."""
