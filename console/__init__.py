"""What the `meterfarm` command shows and asks; `cli.py` only declares its options."""
