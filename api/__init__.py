"""The farm's REST API: parses what is asked, calls a service, renders the answer. Bayou's contract, v2."""
