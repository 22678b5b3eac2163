"""One-line messages of exceptions."""

import re

_KERAS = "Exception encountered when calling"  # a layer; the cause comes next
_COLOUR = re.compile(r"\x1b\[\d*m")


def first_line(error: BaseException) -> str:
    """The first non-empty line of an exception's message, or else its class name."""
    lines = [_COLOUR.sub("", line).strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(_KERAS)]
    return said[0] if said else type(error).__name__
