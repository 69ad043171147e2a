"""Speculoos Power: one plain server-rendered portal in New York State, electricity and gas."""
