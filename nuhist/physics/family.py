"""Hypotheses with parameters of their own: one for each value, such as a mediator of each mass."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from nuhist.errors import ConfigError, unknown_name
from nuhist.physics.called import called
from nuhist.physics.coupling import spaced
from nuhist.physics.hypothesis import Dependence, Hypothesis
from nuhist.physics.own_parameter import DIGITS, OwnParameter
from nuhist.physics.reference import with_reference

_IN_NAMES = str.maketrans({".": "p", "-": "m", "+": None})  # what ROOT takes for operators
_IN_NUMBERS = str.maketrans({"p": ".", "m": "-"})


@dataclass(frozen=True)
class Family:
    """Hypotheses that differ in the values of parameters.

    Attributes
    ----------
    name, title
        For the command line and for readers.
    parameters
        Which ones.
    make
        The hypothesis of a name, a title and the values by name. :meth:`at` puts the values behind the
        name of its parameter of interest: what that stands for may go with them, so that two members have
        two parameters, and a workspace without its sidecar says which member it is of.
    formula, cited
        What is computed, and where it comes from, for readers; of members that do not say it themselves.
    origin
        How other processes find it, if it is one of a file; see :class:`Hypothesis`.
    """

    name: str
    title: str
    parameters: tuple[OwnParameter, ...]
    make: Callable[[str, str, Mapping[str, float]], Hypothesis]
    formula: str = ""
    cited: str = ""
    origin: str | None = None

    def parameter(self, name: str) -> OwnParameter:
        """A parameter by name; a ConfigError if there is none."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise unknown_name(f"parameter of {self.name}", name, [each.name for each in self.parameters])

    def at(self, values: Mapping[str, float]) -> Hypothesis:
        """The hypothesis at values of all parameters.

        Raises
        ------
        ConfigError
            If a parameter is unknown or missing, or a value lies outside its range.
        """
        for name in values:
            self.parameter(name)
        missing = [each for each in self.parameters if each.name not in values]
        if missing:
            raise ConfigError(f"{self.name}: its {missing[0].name} is missing; write {self.example}")
        found = {each.name: each.within(values[each.name], self.name) for each in self.parameters}
        words = [each.written(found[each.name]) for each in self.parameters]
        said = [f"{each.title} {found[each.name]:.{DIGITS}g}{spaced(each.unit)}" for each in self.parameters]
        name = f"{self.name}:{','.join(words)}"
        made = called(self.make, name, name, f"{self.title}, {', '.join(said)}", found)
        if not isinstance(made, Hypothesis):
            raise ConfigError(f"{name}: its function gives a {type(made).__name__}; expected a Hypothesis")
        made = replace(made, formula=made.formula or self.formula, cited=made.cited or self.cited)
        made = with_reference(made)
        if self.origin is not None:
            made = replace(made, origin=f"{self.origin}:{','.join(words)}")
        if made.dependence is Dependence.GENERAL:
            return made
        return replace(made, parameter=made.parameter + self.tags(found))

    def of_parameter(self, name: str) -> Hypothesis | None:
        """The member that has the values in the name of a parameter of interest; None if they are not there.

        The rest of the name may be another one.
        """
        tags = "".join(re.escape(each.tag("@")).replace("@", "([0-9pem]+)") for each in self.parameters)
        match = re.fullmatch(f".*?{tags}", name)
        if match is None:
            return None
        try:
            values = [float(text.translate(_IN_NUMBERS)) for text in match.groups()]
            return self.at({each.name: value for each, value in zip(self.parameters, values, strict=True)})
        except (ValueError, ConfigError):
            return None

    def tags(self, values: Mapping[str, float]) -> str:
        """What values of all parameters put behind the name of a parameter of interest."""
        texts = {name: f"{value:.{DIGITS}g}".translate(_IN_NAMES) for name, value in values.items()}
        return "".join(each.tag(texts[each.name]) for each in self.parameters)

    @property
    def example(self) -> str:
        """How a user writes one of them."""
        return f"{self.origin or self.name}:" + ",".join(
            each.written(each.example) for each in self.parameters
        )

    def values(self, text: str) -> dict[str, float]:
        """Values of a text such as ``mass=10keV``, of all parameters or of some; commas between them.

        Raises
        ------
        ConfigError
            If a parameter is unknown, a value lies outside its range, or the text has another form.
        """
        values = {}
        for part in filter(None, text.split(",")):
            name, equals, value = part.partition("=")
            if not equals:
                raise ConfigError(f"{self.name}:{text}: expected NAME=VALUE; write {self.example}")
            values[name] = self.parameter(name).parsed(value, self.name)
        return values

    def parsed(self, text: str) -> Hypothesis:
        """The hypothesis of such a text; see :meth:`values` and :meth:`at`."""
        return self.at(self.values(text))
