"""What is printed and typed: listings, lines, prompts, secrets from standard input."""
