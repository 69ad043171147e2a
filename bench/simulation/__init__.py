"""A farm with a virtual clock: the rules of the real one, and a million customers within minutes."""
