"""What Ctrl-C looks like, wherever it meets Python."""

from __future__ import annotations


def is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it: one that meets the start of a compiled module becomes an ImportError."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
