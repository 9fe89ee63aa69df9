"""The Sun: fluxes of a standard solar model, flavours by MSW."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np

from nuhist.constants import DELTA_M2_21_ERROR_EV2, DELTA_M2_21_EV2, SIN2_THETA_12, SIN2_THETA_12_ERROR
from nuhist.errors import DataError, OptionError
from nuhist.physics.own_parameter import OwnParameter
from nuhist.physics.sources import survival
from nuhist.physics.sources.flux import FluxComponent, with_fractions
from nuhist.physics.sources.parameters import Choice, Settings, SourceKind
from nuhist.physics.sources.source import FluxGroup, Source, Variation
from nuhist.tables import Array, column, read_rows, read_table

_TABLES = Path(__file__).parents[1] / "tables"

# What varies together under one flux parameter. 8B and hep together are 1e-4 of the events
# of an electron-recoil search; hep, a thousandth of 8B, goes with it.
_GROUPS: dict[str, tuple[str, ...]] = {
    "pp": ("pp",),
    "be7": ("7Be_384keV", "7Be_861keV"),
    "pep": ("pep",),
    "cno": ("13N", "15O", "17F"),
    "b8": ("8B", "hep"),
}
_DEFAULT_MODEL = "gs98"

# arXiv:2207.05036, footnote 2: the uncertainty of 7Be, applied to all fluxes.
PAPER_FLUX_UNCERTAINTY = 0.07

Fractions = Callable[[Array], Array]


def _made(name: str, settings: Settings) -> Source:
    """The Sun, see :func:`nuhist.physics.sources.get_source`.

    References
    ----------
    Totals and uncertainties: solar models of Vinyoles et al., arXiv:1611.09867. Shapes: Bahcall's public
    spectra, normalised again (the pp table integrates to 0.997). Flavours:
    :func:`nuhist.physics.sources.survival.matter_survival`.
    """
    model, chosen = settings.word("model"), settings.word("survival")
    matter = chosen in ("msw", "vacuum")
    for parameter in ("sin2_theta_12", "delta_m2_21", *_EPSILONS):
        acts = matter if parameter == "sin2_theta_12" else chosen == "msw"
        if settings.is_given(parameter) and not acts:
            raise OptionError(f"source {name}: {parameter} does nothing with survival={chosen}")
    fractions = _fractions(settings)
    components = {part.name: with_fractions(part, fractions(part.name)) for part in _fluxes(model)}
    suffix = "" if model == _DEFAULT_MODEL else f"_{model}"
    groups = tuple(
        FluxGroup(f"{group}{suffix}", tuple(components[member] for member in members), "arXiv:1611.09867")
        for group, members in _GROUPS.items()
    )
    described, reference = _SURVIVAL.get(chosen, (f"survival probabilities of {chosen}", ""))
    epsilons = {name: settings.number(name) for name in _EPSILONS if settings.number(name)}
    if epsilons:
        said = ", ".join(f"{name} = {value:g}" for name, value in epsilons.items())
        described += f"; with non-standard interactions in the Sun: {said}"
        reference = "arXiv:1307.3092"
    return Source(
        name=name,
        title="solar",
        groups=groups,
        description=f"Fluxes of the solar model {model.upper()}; {described}.",
        references=tuple(filter(None, ("arXiv:1611.09867", reference))),
        variations=_variations(name, settings) if matter else (),
        mass_states=None if chosen not in _SURVIVAL else "averaged",
        common_uncertainty=PAPER_FLUX_UNCERTAINTY,
    )


_SURVIVAL = {
    "msw": (
        "flavours by adiabatic MSW conversion from a potential averaged over where each component is made,"
        " without the Earth's matter",
        "",
    ),
    "vacuum": ("flavours by oscillations in vacuum, averaged over the distance", ""),
    "constant": ("the same flavours at all energies, those of arXiv:2207.05036", "arXiv:2207.05036"),
}


@cache
def _fluxes(model: str) -> tuple[FluxComponent, ...]:
    """All components, as ν_e."""
    header, rows = read_rows(_TABLES / "solar_flux_totals.csv")
    entries = (dict(zip(header, row, strict=True)) for row in rows)
    return tuple(_component(entry, model) for entry in entries)


def _component(row: dict[str, str], model: str) -> FluxComponent:
    total, uncertainty = float(row[f"flux_{model}"]), float(row[f"fractional_uncertainty_{model}"])
    as_made = np.array([[1.0], [0.0], [0.0]])
    if row["line_energy_keV"]:
        line = np.array([float(row["line_energy_keV"])])
        return FluxComponent(row["component"], line, None, total, uncertainty, as_made)
    path = _TABLES / f"solar_flux_shape_{row['component']}.csv"
    table = read_table(path)
    energy = column(path, table, "E_MeV", increasing=True) * 1e3
    shape = column(path, table, "shape_per_MeV", non_negative=True)
    area = float(np.sum(np.diff(energy) * (shape[1:] + shape[:-1]))) / 2
    return FluxComponent(row["component"], energy, total * shape / area, total, uncertainty, as_made)


@cache
def _matter() -> dict[str, tuple[float, float]]:
    """√2 G_F n_e in eV and neutrons per electron where a component is made, by its name."""
    _, rows = read_rows(_TABLES / "solar_potentials.csv")
    return {name: (float(potential), float(neutrons)) for name, potential, neutrons in rows}


# Non-standard interactions with the Sun's electrons and quarks: ε_D and ε_N of arXiv:1307.3092.
_EPSILONS = tuple(f"epsilon_{part}_{fermion}" for part in ("d", "n") for fermion in ("e", "u", "d"))


def _interaction(settings: Settings, neutrons: float) -> survival.MatterInteraction:
    """Per electron: a proton has two up quarks and one down quark, a neutron the other way round."""
    per_electron = {"e": 1.0, "u": 2 + neutrons, "d": 1 + 2 * neutrons}
    diagonal, off_diagonal = (
        sum(number * settings.number(f"epsilon_{part}_{fermion}") for fermion, number in per_electron.items())
        for part in ("d", "n")
    )
    return survival.MatterInteraction(diagonal, off_diagonal)


def _fractions(settings: Settings) -> Callable[[str], Fractions]:
    """Fractions of the flavours against the energy, for a component of a name."""
    chosen = settings.word("survival")
    if chosen == "constant":
        composition = np.array(list(survival.solar_composition().values()))
        return lambda _: partial(_constant, composition=composition)
    if chosen in ("msw", "vacuum"):
        angle, splitting = settings.number("sin2_theta_12"), settings.number("delta_m2_21")

        def matter(component: str) -> Fractions:
            potential, neutrons = _matter()[component] if chosen == "msw" else (0.0, 0.0)
            interaction = _interaction(settings, neutrons)
            return lambda energy: survival.shared_out(
                survival.matter_survival(energy, potential, angle, splitting, interaction)
            )

        return matter
    path = settings.path("survival")
    nodes, values = survival.tabulated(path)
    return lambda component: partial(_between, path=path, nodes=nodes, values=values, component=component)


def _constant(energy: Array, *, composition: Array) -> Array:
    return np.broadcast_to(composition[:, None], (composition.size, energy.size))


def _between(energy: Array, *, path: Path, nodes: Array, values: Array, component: str) -> Array:
    if energy[0] < nodes[0] or energy[-1] > nodes[-1]:
        raise DataError(
            f"{path}: reaches from {nodes[0]:g} to {nodes[-1]:g} keV, and the flux {component} from"
            f" {energy[0]:g} to {energy[-1]:g} keV; add rows until it covers the flux"
        )
    return np.stack([np.interp(energy, nodes, row) for row in values])


def _variations(name: str, settings: Settings) -> tuple[Variation, ...]:
    """Mixing angle and mass splitting, as parameters that all experiments at the Sun share."""
    errors = {
        "sin2_theta_12": ("sin²θ₁₂", SIN2_THETA_12_ERROR),
        "delta_m2_21": ("Δm²₂₁/eV²", DELTA_M2_21_ERROR_EV2),
    }
    if settings.word("survival") == "vacuum":
        del errors["delta_m2_21"]
    base, _, given = name.partition(":")
    kept = [part for part in filter(None, given.split(",")) if part.partition("=")[0] not in errors]
    here = {parameter: settings.number(parameter) for parameter in errors}
    found = []
    for parameter, (symbol, error) in errors.items():
        ends = []
        for sign in (1, -1):
            moved = {**here, parameter: here[parameter] + sign * error}
            words = [*kept, *(f"{key}={value:.12g}" for key, value in moved.items())]
            ends.append(f"{base}:{','.join(words)}")
        meaning = f"{symbol} = {here[parameter]:g} ± {error:g} of solar neutrinos (PDG 2018 to 2024)"
        found.append(Variation(parameter, meaning, *ends))
    return tuple(found)


KIND = SourceKind(
    "the Sun",
    (
        Choice("model", "solar model", ("gs98", "agss09"), _DEFAULT_MODEL),
        Choice("survival", "what the flavours are at the detector", tuple(_SURVIVAL), "msw", table=True),
        OwnParameter("sin2_theta_12", "sin²θ₁₂", "1", {}, 0.0, 1.0, SIN2_THETA_12),
        OwnParameter("delta_m2_21", "Δm²₂₁ in eV²", "1", {}, 1e-6, 1e-3, DELTA_M2_21_EV2),
        *(
            OwnParameter(name, f"ε_{name[8].upper()} of {name[10]} in the Sun", "1", {}, -10.0, 10.0, 0.0)
            for name in _EPSILONS
        ),
    ),
    _made,
    shown="model=agss09",
)
