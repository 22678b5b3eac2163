"""How much memory a file may ask for."""

SMALL = 2**26
"""Bytes that any file may ask for."""
LARGEST_RATIO = 100
"""How many times its own size a larger one may ask for; weights hardly compress."""


def check_budget(declared: int, stored: int, what: str) -> None:
    """Refuses contents that would take far more memory than the file has bytes.

    Args:
        declared: Bytes in memory, as the file declares them.
        stored: Bytes of the file.
        what: What it is, for the message.

    Raises:
        ValueError: If it is over the budget.
    """
    if declared > max(SMALL, LARGEST_RATIO * stored):
        raise ValueError(
            f"{what} would unpack to far more than its own size: {declared:,} bytes "
            f"from {stored:,}"
        )
