"""Pure readers and writers of what utilities hand over: bytes in, records out, and nothing else touched."""
