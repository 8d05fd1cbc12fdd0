"""The error that callers of this package get."""


class ExportError(ValueError):
    """A model, or what is asked for with it, can't be exported; the message says what to do."""
