"""What can be tested, for readers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from nuhist.errors import ConfigError
from nuhist.physics.coupling import spaced
from nuhist.physics.family import Family
from nuhist.physics.hypotheses import all_families, all_hypotheses, get_hypothesis, split_family
from nuhist.physics.hypothesis import Dependence, Hypothesis


@dataclass(frozen=True)
class Described:
    """A hypothesis, or a family of them.

    Attributes
    ----------
    name, title
        As a user writes it, and for readers.
    coupling, unit
        What is measured.
    parameter
        Parameter of the workspace, where there is one.
    dependence
        How the rate depends on the coupling.
    formula, cited
        What is computed, and where it comes from.
    own_parameters
        Parameters of its own, with units and ranges.
    """

    name: str
    title: str
    coupling: str
    unit: str
    parameter: str | None
    dependence: str
    formula: str
    cited: str
    own_parameters: tuple[str, ...]

    @property
    def said(self) -> str:
        """The coupling with its unit."""
        return f"{self.coupling}{spaced(self.unit)}"

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        fields = asdict(self)
        return {**fields, "own_parameters": list(self.own_parameters)}


def described() -> tuple[Described, ...]:
    """All hypotheses and families."""
    return (*map(_described, all_hypotheses().values()), *map(_of_family, all_families().values()))


def describe(name: str) -> Described:
    """A hypothesis or a family by its name; a ConfigError if there is none."""
    try:
        family, _, values = split_family(name)
    except ConfigError:
        return _described(get_hypothesis(name))
    if not values:
        return _of_family(family)
    return _described(get_hypothesis(name))


def _described(hypothesis: Hypothesis, own: tuple[str, ...] = ()) -> Described:
    poi = hypothesis.parameter_of_interest("effective")
    return Described(
        name=hypothesis.name,
        title=hypothesis.title,
        coupling=poi.coupling,
        unit=poi.unit,
        parameter=None if hypothesis.dependence is Dependence.GENERAL else poi.name,
        dependence=hypothesis.dependence.value,
        formula=hypothesis.formula,
        cited=hypothesis.cited,
        own_parameters=own,
    )


def _of_family(family: Family) -> Described:
    own = tuple(f"{entry.name}: {entry.title}, {entry.range}" for entry in family.parameters)
    values = {each.name: each.example for each in family.parameters}
    found = _described(family.at(values), own)
    parameter = None if found.parameter is None else found.parameter.removesuffix(family.tags(values))
    return replace(found, name=family.example, title=family.title, parameter=parameter)
