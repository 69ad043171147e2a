"""What all rooms may use, and what knows no domain."""
