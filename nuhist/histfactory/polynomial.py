"""A signed coupling x with counts S + x I + x² Q, in stock HistFactory.

A histosys with interpolation code 4p (pyhf's default) is, between ±1, a polynomial that starts as
S + α (hi − lo)/2 + α² (15/8) (hi + lo − 2S)/2. With hi, lo = S ± s I + (8/15) s² Q and α = x/s this is
S + x I + x² Q, up to a relative error of the quadratic part of −(2/3) α². Raising Q by half of the
largest such error spreads it evenly: it is then (r/s)²/3 for |x| ≤ r. The parameter's own
constraint, α², adds nothing to 2NLL.
"""

from __future__ import annotations

import numpy as np

from nuhist.histfactory.found_range import is_found_scale
from nuhist.histfactory.templates import HistoSys, rounded
from nuhist.tables import Array


def polynomial_modifier(
    name: str, standard: Array, linear: Array, quadratic: Array, scale: float, reach: float
) -> HistoSys:
    """Histosys by which a sample with nominal counts S has S + x I + x² Q.

    Parameters
    ----------
    name
        Name of the parameter α = x / scale.
    standard, linear, quadratic
        S, I and Q, shape (bins,).
    scale
        s; the larger, the more exact.
    reach
        Largest |x| for which the counts must be right.
    """
    offset = 8 / 15 * scale**2 * (1 + (reach / scale) ** 2 / 3) * quadratic
    exact = is_found_scale(scale)  # of stated ones, ten digits of both sides hold their difference
    if exact:
        standard, linear, offset = rounded(standard), rounded(linear), rounded(offset)
    return HistoSys(
        name,
        standard + scale * linear + offset,
        standard - scale * linear + offset,
        exact,
    )


def relative_error(place: Array) -> Array:
    """Largest error of the quadratic part at places x / r, relative to it, where the scale is r.

    It goes with the square of reach over scale.
    """
    return np.abs(1 - 2 * place**2) / 3
