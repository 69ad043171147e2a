"""What is kept of a failed run, without any secret."""
