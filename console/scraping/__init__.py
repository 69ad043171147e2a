"""The `scrape` command: one customer, once; and which utilities there are."""
