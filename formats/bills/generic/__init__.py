"""The reader of bills that no layout knows: labelled values, geometry and arithmetic."""

GENERIC = "generic"
"""What it is called where a layout is named."""
