"""Mail that goes out, by the operator's mail server."""
