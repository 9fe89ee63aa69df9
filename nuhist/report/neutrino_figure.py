"""Fluxes of sources, and cross sections on targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from nuhist.histfactory.named_values import parse_numbers
from nuhist.physics.hypotheses import Atomic, FlavorChoice, RateOptions
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import LINE_COLOURS, Drawn
from nuhist.report.labels import quantity
from nuhist.report.neutrinos import (
    STANDARD_MODEL,
    CrossSectionCurve,
    CrossSections,
    FluxCurve,
    cross_sections,
    flux_curves,
)
from nuhist.showing import Table
from nuhist.values import rough_percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOWEST_FLUX = 1e-2  # cm⁻² s⁻¹ (keV⁻¹); hep's is a few
_HIDDEN = 0.1  # of a curve
_DECADES = 8  # of cross section below the largest
_NAMES = {"7Be_384keV": "$^7$Be 384 keV", "7Be_861keV": "$^7$Be 861 keV", "8B": "$^8$B", "13N": "$^{13}$N",
          "15O": "$^{15}$O", "17F": "$^{17}$F"}  # fmt: skip


@with_look
def flux_figure(curves: Sequence[FluxCurve], **look: Unpack[Look]) -> Figure:
    """Fluxes against the neutrino energy, with totals and their uncertainties."""
    canvas = Canvas(look)
    axes = canvas.axes(7.5, 5.6)
    for index, curve in enumerate(sorted(curves, key=lambda entry: -entry.total)):
        colour = LINE_COLOURS[index % len(LINE_COLOURS)]
        style = "-" if index < len(LINE_COLOURS) else "--"
        exponent = int(np.floor(np.log10(curve.total)))
        label = (
            f"{_NAMES.get(curve.component, curve.component)}: {curve.total / 10.0**exponent:.3g}"
            rf"$\times\mathrm{{10^{{{exponent}}}}}$, ± {rough_percent(curve.uncertainty)}"
        )
        if curve.densities is None:
            axes.plot(curve.energies * 2, [_LOWEST_FLUX, curve.total], color=colour, linestyle=":",
                      linewidth=2, marker="_", markevery=[1], label=label)  # fmt: skip
        else:
            axes.plot(curve.energies, curve.densities, color=colour, linestyle=style, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    highest = max(max(curve.energies) for curve in curves)
    axes.set_xlim(10, max(2e4, 1.1 * highest))
    axes.set_ylim(_LOWEST_FLUX, 2 * max(curve.total for curve in curves))
    axes.set_xlabel("neutrino energy [keV]")
    axes.set_ylabel("flux [cm$^{-2}$ s$^{-1}$ keV$^{-1}$], of lines (dotted) [cm$^{-2}$ s$^{-1}$]")
    canvas.title(axes)
    unit = "total in cm$^{-2}$ s$^{-1}$"
    canvas.legend(axes, ncols=3, title=unit, title_fontsize="small", alignment="left")
    return canvas.finished(axes)


@with_look
def cross_section_figure(result: CrossSections, **look: Unpack[Look]) -> Figure:
    """What each coupling adds to dσ/dT per target atom; dashed where it takes away."""
    canvas = Canvas(look)
    axes = canvas.axes(7.5, 5.6)
    for index, curve in enumerate(result.curves):
        colour = LINE_COLOURS[index % len(LINE_COLOURS)]
        width = 4.0 if _covered(curve, result.curves[index + 1 :]) else 1.5
        energies, values = np.array(curve.energies), np.array(curve.values)
        label = "Standard Model"
        if curve.hypothesis != STANDARD_MODEL:
            label = f"{curve.hypothesis}: {quantity(curve.coupling, curve.value, curve.unit)}"
        positive = np.where(values > 0, values, np.nan)
        style = "-" if index < len(LINE_COLOURS) else ":"
        axes.plot(energies, positive, color=colour, linestyle=style, linewidth=width, label=label)
        if (values < 0).any():
            axes.plot(energies, np.where(values < 0, -values, np.nan), color=colour, linestyle="--")
    largest = max(max(np.abs(curve.values)) for curve in result.curves)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(result.curves[0].energies[0], result.curves[0].energies[-1])
    if largest > 0:
        axes.set_ylim(largest * 10.0**-_DECADES, 3 * largest)
    axes.set_xlabel("recoil energy $T$ [keV]")
    averaged = f"averaged over the flux ({result.source.partition(':')[0]})"
    if result.neutrino_energy is not None:
        averaged = f"at a neutrino energy of {result.neutrino_energy:g} keV"
    canvas.title(axes, f"added to the Standard Model (dashed: taken away), {averaged}")
    axes.set_ylabel(rf"$\mathrm{{d}}\sigma/\mathrm{{d}}T$ per atom of {result.target} [cm$^2$/keV]")
    canvas.legend(axes)
    return canvas.finished(axes)


def _covered(curve: CrossSectionCurve, later: Sequence[CrossSectionCurve]) -> bool:
    """Whether a curve drawn later hides a good part of this one."""
    return any(
        np.mean(np.isclose(curve.values, other.values, rtol=0.02, atol=0.0)) > _HIDDEN for other in later
    )


@with_look
def draw_flux(*, source: str = "sun", **look: Unpack[Look]) -> Drawn:
    """Fluxes of a source of neutrinos."""
    curves = flux_curves(source)
    table = Table.joined([curve.table() for curve in curves])
    return Drawn(
        flux_figure(curves, **look),
        {"source": source, "components": [curve.to_json() for curve in curves]},
        table,
    )


@with_look
def draw_cross_sections(
    *,
    flavor: FlavorChoice = "effective",
    neutrino_energy: float | None = None,
    couplings: Sequence[str] = (),
    atomic: Atomic = "step",
    source: str = "sun",
    target: str = "xenon",
    **look: Unpack[Look],
) -> Drawn:
    """Cross sections of several hypotheses; ``couplings`` are texts such as ``"magnetic-moment=2e-11"``."""
    result = cross_sections(
        flavor=flavor,
        neutrino_energy=neutrino_energy,
        couplings=parse_numbers(couplings),
        source=source,
        target=target,
        options=RateOptions(atomic=atomic),
    )
    return Drawn(cross_section_figure(result, **look), result.to_json(), result.table())
