"""Expected spectra of one coupling in one experiment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import OptionError
from nuhist.experiments.counts import neutrino_counts_at
from nuhist.experiments.experiment import Experiment, ResponseKind
from nuhist.experiments.loading import load_experiment
from nuhist.experiments.monoenergetic import read_monoenergetic
from nuhist.experiments.narrow import refuse_narrow
from nuhist.experiments.response import make_response
from nuhist.physics.hypotheses import FlavorChoice, RateOptions, active_flavors, get_hypothesis
from nuhist.physics.propagation import rates_in_source
from nuhist.physics.rate_options import ELECTRON
from nuhist.physics.recoils import breakpoints, refuse_unused_mass
from nuhist.physics.together import refuse_unused_flavor
from nuhist.showing import Shown, Table
from nuhist.tables import Array

ENERGY = "reconstructed energy in keV"


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Shown):
    """The spectrum of neutrino scattering in an experiment, for one value of the coupling.

    Attributes
    ----------
    experiment, hypothesis, flavor, coupling, unit, response
        What was computed; the coupling in its unit.
    edges
        Reconstructed energy, keV, shape (bins + 1,); numbers of bins where these are of other axes.
    standard_model, added
        Expected events per bin: the Standard Model's, and what the coupling adds.
    recoil_energy
        Centres of the bins, keV; where bins are not of energy, energies of the response.
    standard_model_rate, added_rate
        dR/dT there, before any detector, events per tonne year keV.
    edges_of
        What edges are: ``"reconstructed energy in keV"``, or ``"bin"`` where they number the bins.
    axes
        Names and edges of what bins are of, the last one's fastest; empty where that is reconstructed energy.
    """

    experiment: str
    hypothesis: str
    flavor: str
    coupling: float
    unit: str
    response: str
    edges: Array
    standard_model: Array
    added: Array
    recoil_energy: Array
    standard_model_rate: Array
    added_rate: Array
    edges_of: str = ENERGY
    axes: tuple[tuple[str, Array], ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """What was computed, and the events."""
        events = self.standard_model.sum() + self.added.sum()
        said = f"{events:.4g} events, of which the coupling adds {self.added.sum():.4g}"
        return (said, f"{self.hypothesis} at {self.coupling:g} {self.unit}", self.experiment)

    def table(self) -> Table:
        """A row for each bin: its edges in keV, and the expected events."""
        rows = zip(self.edges[:-1], self.edges[1:], self.standard_model, self.added, strict=True)
        header = ("lower_edge", "upper_edge", "standard_model", "added")
        return Table(header, tuple(tuple(map(float, row)) for row in rows))

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        axes = [{"name": name, "edges": edges.tolist()} for name, edges in fields.pop("axes")]
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in fields.items()
        }
        return {**plain, "axes": axes}


def spectrum(
    experiment: str | Path | Experiment,
    *,
    hypothesis: str,
    coupling: float,
    flavor: FlavorChoice = "effective",
    response: ResponseKind | None = None,
    source: str | None = None,
    options: RateOptions | None = None,
    allow_outside: bool = False,
) -> Spectrum:
    """Compute the spectrum that an experiment expects of neutrino scattering, for one value of a coupling.

    Parameters
    ----------
    experiment
        A bundled name, a folder with experiment.yaml, or an :class:`Experiment`.
    hypothesis, flavor
        Name of the hypothesis, and the flavour that has the coupling, as :func:`nuhist.build` takes them.
    coupling
        Value of the coupling in the hypothesis' unit, such as μ_B or e₀.
    response
        ``"matrix"``, ``"gaussian"``, ``"none"`` or ``"monoenergetic"``; by default what the experiment's
        treatment says.
    source
        Another source of neutrinos than the experiment's, such as ``"sun:survival=constant"``; see
        :func:`nuhist.physics.sources.registry.get_source`.
    options
        Other choices of the physics; by default the experiment's. Target and process are always the
        experiment's.
    allow_outside
        See :func:`nuhist.load_experiment`.

    Raises
    ------
    ConfigError
        If a name is unknown.
    OptionError
        If there is a neutrino mass on which nothing depends, or a choice of bound electrons for nuclei.

    Examples
    --------
    >>> lz = spectrum("lz_ws2022", hypothesis="magnetic-moment", coupling=2.8e-11)
    >>> print(f"{lz.standard_model.sum():.1f} + {lz.added.sum():.0f} events")
    32.5 + 165 events
    """
    tested = get_hypothesis(hypothesis)
    active_flavors(flavor)
    refuse_unused_flavor(tested, flavor)
    if not isinstance(experiment, Experiment):
        experiment = load_experiment(experiment, allow_outside=allow_outside)
    treatment = experiment.treatment()
    physics = options or RateOptions(atomic=treatment.atomic)
    if physics.neutrino_mass_ev != RateOptions.neutrino_mass_ev:
        refuse_unused_mass(tested)
    if physics.atomic == "rrpa" and experiment.process != ELECTRON:
        raise OptionError(
            f"atomic='rrpa': is of electrons bound in the atom, and nuclei recoil in {experiment.name};"
            " leave it out"
        )
    kind = response or treatment.response
    physics = replace(physics, target=experiment.target, process=experiment.process)
    beam = experiment.neutrino_source(treatment, source)
    points = breakpoints(tested, experiment.target, beam.components, experiment.process)
    folding = make_response(experiment, kind, points)
    refuse_narrow(experiment, folding, tested, flavor, physics)
    events = neutrino_counts_at(experiment, folding, tested, flavor, coupling, beam, ["all"], physics)
    centres = (experiment.edges[:-1] + experiment.edges[1:]) / 2
    if experiment.axes:
        centres = read_monoenergetic(experiment).energies
    rates = rates_in_source(tested, flavor, coupling, centres, beam, ["all"], physics)
    return Spectrum(
        experiment=experiment.name,
        hypothesis=tested.name,
        flavor=flavor,
        coupling=coupling,
        unit=tested.unit,
        response=kind,
        edges=experiment.edges,
        standard_model=events[0][0] / experiment.counts_per_event,
        added=events[1][0] / experiment.counts_per_event,
        recoil_energy=centres,
        standard_model_rate=rates[0][0],
        added_rate=rates[1][0],
        edges_of="bin" if experiment.axes else ENERGY,
        axes=experiment.axes,
    )
