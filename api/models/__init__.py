"""The shapes of requests and answers, for the documentation at /docs."""
