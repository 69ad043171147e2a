"""The errors of this room."""


class FormatError(ValueError):
    """A file is not what it should be. Its text is one sentence: what is wrong, where, what to do."""


class Encrypted(FormatError):
    """The file is whole, and opens only with a password."""


class Contradiction(FormatError):
    """It is what it should be, but says of one thing two that differ."""
