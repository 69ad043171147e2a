"""What fake portals share: sessions, challenges, messages, faults, counters, clocks, customers' data."""
