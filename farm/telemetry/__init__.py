"""What a worker shows of itself: metrics, health and traces."""
