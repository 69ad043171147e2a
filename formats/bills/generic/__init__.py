"""The reader of bills that no layout knows: labelled values, geometry and arithmetic."""
