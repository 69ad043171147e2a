"""Requests that share a visit's cookies and need no browser page, and how their answers are read."""
