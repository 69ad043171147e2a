"""The socket a portal is reached at."""

import socket

LOOPBACK = "127.0.0.1"
BACKLOG = 512


def listen(port: int) -> socket.socket:
    """A listening socket on this machine; port 0 takes any that is free. Raises OSError, OverflowError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener
