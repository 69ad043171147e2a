"""The commands about mail: what goes out, and bills that come in."""
