"""Chromium, started once for a process: found, kept to the hosts it may speak to, and ended."""
