"""Examples may take their time here: a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("unhurried", settings(), deadline=None, max_examples=50)
settings.load_profile("unhurried")
