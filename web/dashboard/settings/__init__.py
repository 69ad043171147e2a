"""What a side of a company has chosen, its keys, and where its events go."""
