"""What all figures share: matplotlib, colours, symbols, saving."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from nuhist.errors import DataError, missing_extra
from nuhist.files import write_atomically

# Okabe and Ito's palette, which colour-blind readers can tell apart.
YELLOW = "#F0E442"
COLOURS = ("#56B4E9", "#E69F00", "#009E73", YELLOW, "#0072B2", "#CC79A7", "#999999")
SIGNAL_COLOUR = "#D55E00"

_SYMBOLS = {"mu_nu": r"\mu_{\nu", "q_nu": r"q_{\nu"}
_FLAVORS = {"": "}", "e": "_e}", "mu": r"_\mu}", "tau": r"_\tau}"}
_UNITS = {"mu_B": r"$\mu_\mathrm{B}$", "e_0": r"$e_0$"}


def symbol(coupling: str) -> str:
    """A coupling as a formula: ``mu_nue`` becomes μ with subscript ν_e; unknown names stay."""
    for name, formula in _SYMBOLS.items():
        if coupling.startswith(name) and coupling[len(name) :] in _FLAVORS:
            return f"${formula}{_FLAVORS[coupling[len(name) :]]}$"
    return coupling


def unit_symbol(unit: str) -> str:
    """A unit as a formula."""
    return _UNITS.get(unit, unit)


def pyplot() -> Any:
    """matplotlib.pyplot without a display.

    Raises
    ------
    DataError
        If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise missing_extra("plots", "matplotlib", "plot") from error
    return plt


def save_figure(figure: Any, output: Path) -> None:
    """Write a figure whole or not at all; the file's ending chooses the format.

    Raises
    ------
    DataError
        If the ending is unknown or the file cannot be written.
    """
    known = sorted(figure.canvas.get_supported_filetypes())
    kind = output.suffix.lstrip(".").lower()
    if kind not in known:
        pyplot().close(figure)
        raise DataError(f"{output}: no picture format '{kind}'; use one of {', '.join(known)}")
    buffer = io.BytesIO()
    # No date inside: the same figure gives the same file.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    pyplot().close(figure)
    write_atomically(output, buffer.getvalue())
