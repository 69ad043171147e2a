"""Commands that start and keep a farm: workers, the demo, the vault, the audit."""
