"""What the parameters of an HS3 document are called in HistFactory JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nuhist.exchange.hs3.data import channel_name
from nuhist.exchange.hs3.write import PER_BIN, read_errors
from nuhist.exchange.parameter_names import CONSTRAINED, OneToOne, bin_name, distinct_names, root_name

Entry = Mapping[str, Any]


class ParameterNames:
    """Names of a model's parameters, of which no two become one.

    RooFit calls the parameter of a normsys or histosys ``x`` ``alpha_x`` and keeps ``x`` as the name of the
    modifier. Where all modifiers of a parameter say so, ``x`` is its name here, unless another parameter has
    it. Elsewhere ``alpha_`` is a part of a name like any other.

    ``values`` is what the document says of parameters, by name; ``staterrors`` the name that the staterror of
    a channel had, by default ``staterror_CHANNEL``; ``lumi`` whether the model is known to have one.
    """

    def __init__(
        self,
        models: Sequence[Entry],
        values: Mapping[str, Entry],
        staterrors: Mapping[str, str],
        origin: str,
        *,
        lumi: bool = False,
    ) -> None:
        self._values, self._staterrors, self._lumi = values, staterrors, lumi
        self.bins: dict[str, set[str]] = {}
        self._uncertain: set[str] = set()
        self._expected: set[str] = set()
        pairs = OneToOne(origin)
        luminosities: dict[str, str] = {}
        wishes: dict[str, set[str]] = {}
        for channel, sample, modifier in _modifiers(models):
            kind = modifier["type"]
            if kind in PER_BIN:
                self._add_bins(pairs, channel, sample["data"], modifier)
            elif kind == "normfactor" and "constraint_name" in modifier:
                if not self.is_one(modifier):
                    luminosities[parameter_of(modifier)] = "lumi"
            elif kind == "normfactor" or kind in CONSTRAINED:
                own = parameter_of(modifier)
                by_convention = kind in CONSTRAINED and own == root_name(modifier.get("name", ""), kind)
                wishes.setdefault(own, set()).add(modifier["name"] if by_convention else own)
        unanimous = {own: wish.pop() if len(wish) == 1 else own for own, wish in wishes.items()}
        self._names = {
            **distinct_names(unanimous, {*self.bins, *luminosities.values()}),
            **luminosities,
        }
        for own, name in self._names.items():
            pairs.add(own, name)

    def of(self, parameter: str) -> str | None:
        """Name of a parameter that is one number; None where no modifier has it."""
        return self._names.get(parameter)

    def of_bins(self, modifier: Entry, channel: str) -> str:
        """Name of a staterror, shapefactor or shapesys."""
        if modifier["type"] == "staterror":
            return self._staterrors.get(channel, f"staterror_{channel}")
        return str(modifier["name"])

    def is_one(self, modifier: Entry) -> bool:
        """Whether a factor is constantly 1, as RooFit has the luminosity of a model without one."""
        entry = self._values.get(parameter_of(modifier), {})
        return not self._lumi and bool(entry.get("const", False)) and float(entry["value"]) == 1

    def fixed_bins(self, name: str) -> bool | None:
        """Whether the document keeps what is one parameter per bin constant; None for some of its bins only.

        Bins without an error do not count: they are constant in pyhf, too.
        """
        free = self.bins[name] & self._uncertain & self._expected
        constant = {own for own in free if self._values.get(own, {}).get("const", False)}
        return bool(constant) if constant in (set(), free) else None

    def _add_bins(self, pairs: OneToOne, channel: str, data: Entry, modifier: Entry) -> None:
        kind, name, contents = modifier["type"], self.of_bins(modifier, channel), data["contents"]
        default = [bin_name(name, kind, channel, index) for index in range(len(contents))]
        parameters = modifier.get("parameters", default)
        place = name if kind == "shapefactor" else f"{name} in {channel}"
        for index, parameter in enumerate(parameters):
            pairs.add(parameter, f"{place}, bin {index}")
        errors: Sequence[float] = [1.0] * len(contents)
        if kind == "staterror":
            errors = read_errors(data["errors"])
        elif kind == "shapesys":
            errors = modifier["data"]["vals"]
        self.bins.setdefault(name, set()).update(parameters)
        self._uncertain |= {own for own, error in zip(parameters, errors, strict=True) if error > 0}
        self._expected |= {own for own, count in zip(parameters, contents, strict=True) if count > 0}


def parameter_of(modifier: Entry) -> str:
    """The parameter of a modifier that is one number; by its name, as in RooFit, where it is not said."""
    name = modifier.get("parameter")
    return str(root_name(modifier["name"], modifier["type"]) if name is None else name)


def _modifiers(models: Sequence[Entry]) -> Iterator[tuple[str, Entry, Entry]]:
    """Channel, sample and modifier, of all modifiers."""
    for model in models:
        for sample in model["samples"]:
            for modifier in sample.get("modifiers", ()):
                yield channel_name(model["name"]), sample, modifier
