"""Commands about customers and companies."""
