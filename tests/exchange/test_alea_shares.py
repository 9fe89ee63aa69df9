"""Settings of alea's sources: what becomes of a template, by hand and by the real alea.

The real alea runs in a process of its own, see alea_jobs.py; without it those tests are skipped.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from nuhist.errors import ExchangeError
from nuhist.exchange.alea.data import read_events
from nuhist.exchange.alea.document import read_model
from nuhist.exchange.alea.likelihood import AleaLikelihood, read_grids
from nuhist.exchange.alea.model import Slice, Source, Term
from nuhist.exchange.alea.read import import_alea
from nuhist.exchange.alea.shares import total_and_shares
from nuhist.exchange.inference_interface.files import Axis, TemplateFile, template_file_bytes
from tests.exchange.alea_jobs import PYTHON, alea
from tests.exchange.alea_models import AXES, MODEL, PATTERN, write_model

ACCIDENTALS = "{name: ac, histname: template, parameters: [ac_rate_multiplier], template_filename: ac.h5"
SLICES = (
    "slice_args: [{slice_axis: cs2, slice_axis_limits: [100, 499]},"
    " {slice_axis: x, sum_axis: true, slice_axis_limits: [1, 3]}]"
)
CUT = (
    Axis(np.array([0.0, 100.0, 200.0, 300.0, 500.0, 700.0]), "cs2"),
    AXES[1],
    Axis(np.array([0.0, 1.0, 3.0, 4.0]), "x"),
)
COUNTS = np.random.default_rng(1).uniform(0.1, 1, (5, 2, 3))
LOGARITHMIC = (Axis(np.log10(AXES[0].edges), "cs2"), AXES[1])


def test_slices_keep_the_bins_that_hold_their_limits() -> None:
    # multihist: both bins included, and an edge belongs to the bin above it; so x is summed from 1 to 4.
    slices = (Slice("cs2", (100.0, 499.0)), Slice("x", (1.0, 3.0), summed=True))
    source = Source("ac", (), (), "", "", "ac_rate_multiplier", slices=slices)
    total, shares = total_and_shares(source, Term("SR0", AXES, (source,)), COUNTS, CUT, "t")
    kept = COUNTS[1:4, :, 1:].sum(axis=2)
    assert total == pytest.approx(kept.sum(), rel=1e-14)
    np.testing.assert_allclose(total * shares, kept.ravel(), rtol=1e-14)


def test_densities_and_uniform_templates_are_what_alea_makes_of_them() -> None:
    counts, term = np.arange(1.0, 7).reshape(3, 2), Term("SR0", AXES, ())
    volumes = np.outer([100.0, 100, 200], [0.5, 0.5])
    density = Source("ac", (), (), "", "", "ac_rate_multiplier", per_bin=False, scale=2.0)
    total, shares = total_and_shares(density, term, counts, AXES, "t")
    assert total == pytest.approx(2 * (counts * volumes).sum(), rel=1e-14)
    np.testing.assert_allclose(total * shares, 2 * (counts * volumes**2).ravel(), rtol=1e-14)
    uniform = Source("ac", (), (), "", "", "ac_rate_multiplier", uniform=True)
    total, shares = total_and_shares(uniform, term, counts, AXES, "t")
    np.testing.assert_allclose(total * shares, [21.0] * 6, rtol=1e-14)


def test_what_is_unexpected_of_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    text = MODEL.replace(ACCIDENTALS, f"{ACCIDENTALS}, in_events_per_bin: false, convert_to_uniform: true")
    import_alea(write_model(tmp_path, text), settings=[PATTERN], message=said.append)
    assert [line.partition("SR0/")[2][:30] for line in said[:2]] == [
        "ac: in_events_per_bin is false",
        "ac: convert_to_uniform: alea 0",
    ]


@pytest.mark.parametrize("limits", [(-0.5, 2.0), (4.5, 5.0), (0.2, -0.5)])
def test_slices_without_a_bin(limits: tuple[float, float]) -> None:
    source = Source("ac", (), (), "", "", "r", slices=(Slice("x", limits),))
    with pytest.raises(ExchangeError, match="lie outside of 'x', which has 3 bins from 0 to 4"):
        total_and_shares(source, Term("SR0", AXES, (source,)), COUNTS, CUT, "t")


@pytest.mark.skipif(PYTHON is None, reason="no alea here; set NUHIST_ALEA_PYTHON to a Python that has it")
@pytest.mark.parametrize(
    ("settings", "axes", "counts"),
    [
        ("", None, None),
        ("in_events_per_bin: false", None, None),
        ("histogram_scale_factor: 7.5, normalise_template: true", None, None),
        ("convert_to_uniform: true", None, None),
        ("log10_bins: [0], in_events_per_bin: false", LOGARITHMIC, COUNTS[:3, :, 0]),
        (SLICES, CUT, COUNTS),
        (SLICES.replace("[1, 3]", "[0.5, 9]").replace("[100, 499]", "[120, 480]"), CUT, COUNTS),
        (f"{SLICES}, in_events_per_bin: false, normalise_template: true", CUT, COUNTS),
        (
            f"{SLICES.replace('[100, 499]', '[2, 2.6]')}, log10_bins: [0], in_events_per_bin: false",
            (CUT[2], Axis(np.log10([10.0, 100, 200, 300, 500, 700]), "cs2"), AXES[1]),
            np.moveaxis(COUNTS, 2, 0),
        ),
    ],
)
def test_the_real_alea(
    tmp_path: Path, settings: str, axes: tuple[Axis, ...] | None, counts: np.ndarray | None
) -> None:
    text = MODEL.replace("TBD", PATTERN.partition("=")[2]).replace(
        ACCIDENTALS, f"{ACCIDENTALS}, {settings}" if settings else ACCIDENTALS
    )
    path = write_model(tmp_path, text)
    if axes is not None and counts is not None:
        file = TemplateFile(axes, {"template": counts})
        (tmp_path / "ac.h5").write_bytes(template_file_bytes(file))
    model = read_model(path)
    events = read_events([str(tmp_path / "data.pkl")], model, lambda _: None)
    likelihood = AleaLikelihood(model, read_grids(model), events.counts, events.measured)
    points: list[dict[str, float]] = [
        {},
        {"wimp_rate_multiplier": 2.0, "ac_rate_multiplier": 1.4},
        {"t_ly": 0.5, "t_qy": -0.7, "b8_rate_multiplier": 1.2, "signal_efficiency": 1.1},
    ]
    _for_alea(tmp_path, {each.name: each.value for each in model.used() if each.sigma is not None})
    ours = [likelihood.log_likelihood(point) for point in points]
    # Rounding of sums of order up to 10⁵.
    np.testing.assert_allclose(alea(path, points, tmp_path, "alea.pkl"), ours, rtol=1e-13, atol=1e-10)


def _for_alea(folder: Path, nominal: dict[str, float]) -> None:
    """The events in alea's own order: of each term with their source, and what calibrations have measured."""
    (rows,) = pickle.loads((folder / "data.pkl").read_bytes())
    events = np.zeros(rows.size, dtype=[*rows.dtype.descr, ("source", "<i8")])
    for name in rows.dtype.names:
        events[name] = rows[name]
    measured = np.array([tuple(nominal.values())], dtype=[(name, "<f8") for name in nominal])
    (folder / "alea.pkl").write_bytes(pickle.dumps([events, measured, measured]))
