"""All that goes over Redis: its address and checks, notifications, and the rate limits of portals."""
