"""Expected limits at -2 to +2 standard deviations, by the methods that have them."""

from __future__ import annotations

from nuhist.inference.model import Model
from nuhist.inference.region import expected_upper
from nuhist.inference.results import Interval
from nuhist.methods.method import IntervalMethod
from nuhist.methods.profile_likelihood import ProfileLikelihood

SIGNED = (
    "±1 σ and ±2 σ of expected limits are not known of a coupling with a sign, whose best fit goes both ways"
)


def band_notes(expected: dict[str, float | None]) -> list[str]:
    """Why limits are expected without a band, where that is so: a note, or none."""
    outer = [end for band, end in expected.items() if band != "0"]
    return [SIGNED] if outer and expected.get("0") is not None and not any(map(_known, outer)) else []


def _known(end: float | None) -> bool:
    return end is not None


def expected_limits(method: IntervalMethod, model: Model, found: Interval) -> dict[str, float | None]:
    """Expected limits by number of standard deviations: the method's, or for a profile from Asimov data.

    Parameters
    ----------
    method, model
        Whose interval.
    found
        The interval, with its expected limits if the method has them.
    """
    if not isinstance(method, ProfileLikelihood) or found.delta_chi2 is None:
        return dict(found.expected or {})
    scale = model.profile.coupling
    ends = expected_upper(model.profile, found.delta_chi2)
    return {band: None if end is None else scale.to_coupling(end) for band, end in ends.items()}
