"""The nightly: every customer of every portal through a farm of its own, and scripts broken on purpose."""
