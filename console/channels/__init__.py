"""Commands about what receives codes: mailboxes, phone numbers, inbound text messages."""
