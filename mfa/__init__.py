"""Answering what portals ask: the port that scripts await, and the ways an answer can come."""
