"""What can be asked of the farm, as typed functions: for commands and for the API.

A function takes a store and a typed request, hands back a typed result and raises a ``ServiceError``. Nothing
here parses a command line, renders a table or speaks HTTP.
"""
