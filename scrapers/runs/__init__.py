"""A run: signing in, collecting what the portal lists, and the ledger of what became of it."""
