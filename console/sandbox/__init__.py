"""The `sandbox` commands: test tools for customers of fake utilities."""
