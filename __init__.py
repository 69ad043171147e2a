"""Meterfarm: electricity and gas data from utility portals, with the customer's permission."""
