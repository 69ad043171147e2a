"""The `webhooks` commands: endpoints, deliveries, and a listener for developers."""
