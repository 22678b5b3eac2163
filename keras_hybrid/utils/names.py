"""Names from files and folders as text that every file and figure can hold."""

import unicodedata
from collections.abc import Sequence

_BREAKING = ("Cc", "Cs", "Zl", "Zp")
"""Categories of Unicode: control characters, surrogates, ends of lines."""


def readable(name: str) -> str:
    r"""A name in which control characters and bytes that are not UTF-8 are escaped.

    Args:
        name: A name as Python gives it, e.g. by `pathlib.Path.name`.

    Returns:
        The same name, or with `\xe9` for the byte 0xE9 and `\n` for the end of a line.

    Example:
        >>> readable("caf\udce9")
        'caf\\xe9'
    """
    return "".join(_escaped(x) if breaks_text(x) else x for x in name)


def label_name(name: str) -> str:
    """The class that a folder or a cell names: readable, without blanks at the ends.

    A table cannot tell blanks at the ends from those around a cell. Accents are in one
    form of Unicode, NFC; macOS gives names of files in another.
    """
    return unicodedata.normalize("NFC", readable(name)).strip()


def breaks_text(name: str) -> bool:
    """Whether a name has characters that a line of a UTF-8 text cannot hold."""
    return any(unicodedata.category(x) in _BREAKING for x in name)


def shortened(name: str, most: int) -> str:
    """A readable name of at most `most` characters, the last of which may be `…`."""
    name = readable(name)
    return name if len(name) <= most else f"{name[: most - 1]}\u2026"


def few_names(names: Sequence[str]) -> str:
    """The first five names, and how many more there are."""
    more = f" and {len(names) - 5} more classes" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python stands for a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
