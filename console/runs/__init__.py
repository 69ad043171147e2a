"""Commands about runs: what became of them, challenges and their answers, events."""
