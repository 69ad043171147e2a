"""Money on a bill: charges, what they add up to, and what is owed."""
