"""Codes that come by themselves: mailboxes, text messages, and how answers are stored."""
