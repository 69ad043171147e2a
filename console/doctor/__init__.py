"""The `doctor` command and what it checks."""
