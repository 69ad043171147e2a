"""Utilities that the library opower serves (PyPI, Apache-2.0): sign-in, accounts, readings; no browser.

``declared.toml`` has a table for each, as ``declaring.py`` writes it from the library. That is imported by
``serving.py`` and ``challenges.py`` alone, when one of them is visited.
"""
