"""Bills: the text of their PDF, the fields found in it, and Bayou's JSON of them."""
