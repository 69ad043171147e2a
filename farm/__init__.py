"""The farm: workers side by side, and what they share through Redis."""
