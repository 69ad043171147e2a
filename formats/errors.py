"""The one error of this room."""


class FormatError(ValueError):
    """A file is not what it should be. Its text is one sentence: what is wrong, where, what to do."""
