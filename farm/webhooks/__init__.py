"""Webhooks: events posted to companies' endpoints, signed, in order for each customer, until they arrive."""
