"""Standard streams that are closed, as with ``nuhist limit lz.json >&-``."""

from __future__ import annotations

import io
import os
import sys

_FLAGS = {"stdin": os.O_WRONLY, "stdout": os.O_RDONLY, "stderr": os.O_WRONLY}


def open_closed_streams() -> None:
    """Put something in the place of standard streams that are closed, for which Python has None.

    Reading from standard input then fails, and so does writing to standard output: nothing that was to be
    read or written is lost without a word. What goes to standard error is dropped, for nobody reads it.
    Their numbers are taken, too; else the next file that is opened would get what a library prints.
    """
    for name, flags in _FLAGS.items():
        if getattr(sys, name) is None:
            raw = io.FileIO(os.open(os.devnull, flags), "r" if name == "stdin" else "w")
            # Without buffers, in which something would be left to be written when Python ends.
            setattr(sys, name, io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
