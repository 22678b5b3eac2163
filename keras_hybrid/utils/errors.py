"""Errors of others, said in one line."""


def first_line(error: Exception) -> str:
    """The first line of an error that is not empty, or else the name of its class."""
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)
