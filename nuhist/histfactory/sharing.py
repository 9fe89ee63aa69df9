"""Which parameters of several workspaces are one: names and patterns of names, what agrees, what is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from nuhist.errors import ConfigError, ModelError, OptionError
from nuhist.histfactory.constraints import Constraint
from nuhist.histfactory.correlation import FIRST, Held
from nuhist.values import as_named_numbers

Correlated = Mapping[str, float | str | Sequence[str]] | Sequence[str]
"""What is shared: names; or by name its correlation, or its other names."""

_SOME = 6  # names that a message has of each kind
_KINDS = {"gaussian": "constrained", "lumi": "luminosity", "free": "free", "per bin": "of bins"}


def correlations(correlate: Correlated) -> tuple[dict[str, float], dict[str, str]]:
    """What is shared and how much, and by every other name of it the one that it gets.

    Raises
    ------
    ConfigError
        If what is said of a name is neither.
    OptionError
        If something has two names at once.

    Examples
    --------
    >>> correlations({"b8_flux": "b8_rate_multiplier", "atomic_response": 0.5})
    ({'b8_flux': 1.0, 'atomic_response': 0.5}, {'b8_rate_multiplier': 'b8_flux'})
    """
    given = dict(correlate) if isinstance(correlate, Mapping) else dict.fromkeys(correlate, 1.0)
    numbers: dict[str, float] = {}
    renames: dict[str, str] = {}
    for name, said in given.items():
        if not isinstance(said, str | list | tuple):
            numbers[name] = said  # type: ignore[assignment]  # checked below
            continue
        numbers[name] = 1.0
        for other in [said] if isinstance(said, str) else said:
            if not isinstance(other, str):
                raise ConfigError(f"correlate: {name}: {other!r} is no name of a parameter")
            if renames.setdefault(other, name) != name:
                raise OptionError(f"correlate=['{name}={other}']: it is {renames[other]} already")
    return as_named_numbers(numbers, "correlate"), renames


def several(found: Held) -> list[str]:
    """Names that more than one workspace has."""
    return sorted(name for name, holders in found.items() if len(holders) > 1)


def expanded(names: Mapping[str, float], found: Held, option: str) -> dict[str, float]:
    """Names, and in place of patterns such as ``JET_*`` the common names that they stand for.

    A name that exists stands for itself. Factors of bins are matched by no pattern.

    Raises
    ------
    ConfigError
        If a pattern stands for nothing.
    """
    common = [name for name in several(found) if not _of_bins(found[name])]
    patterns = {name for name in names if name not in found and any(sign in name for sign in "*?[")}
    every: dict[str, float] = {}
    for pattern in sorted(patterns):
        matched = [name for name in common if fnmatchcase(name, pattern)]
        if not matched:
            raise ConfigError(
                f"{option}=['{pattern}']: no common parameter has such a name; they are {listed(common)}"
            )
        every |= dict.fromkeys(matched, names[pattern])
    return every | {name: value for name, value in names.items() if name not in patterns}


def shareable(found: Held) -> list[str]:
    """Common names of which type, number and constraint agree; the effect of each may have its own size."""
    return [name for name in several(found) if _agree(found[name].values())]


def _agree(constraints: Iterable[Constraint]) -> bool:
    several = list(constraints)
    kinds = {constraint.kind for constraint in several}
    widths = {constraint.size for constraint in several} if kinds == {"lumi"} else set()
    return len(kinds) == 1 and kinds != {"per bin"} and len(widths) < 2


def _of_bins(holders: Mapping[str, Constraint]) -> bool:
    return any(constraint.kind == "per bin" for constraint in holders.values())


def own_bins(found: Held, named: Iterable[str]) -> list[str]:
    """Common names of factors of bins, of which each workspace has its own: nobody is asked about them."""
    said = set(named)
    return [name for name in several(found) if name not in said and _of_bins(found[name])]


def refuse_open(found: Held, settled: Iterable[str], origins: Sequence[str]) -> None:
    """Refuse common names of which nothing is said, all in one message.

    Raises
    ------
    ModelError
        With the names by kind, and what to say.
    """
    said = set(settled)
    still = [name for name in several(found) if name not in said]
    if not still:
        return
    groups: dict[str, list[str]] = {}
    for name in still:
        kinds = dict.fromkeys(_KINDS[constraint.kind] for constraint in found[name].values())
        heading = " and ".join(kinds) if len(kinds) > 1 else next(iter(kinds))
        if not _agree(found[name].values()):
            heading = f"{heading}, constraints that differ"
        groups.setdefault(heading, []).append(name)
    described = "; ".join(f"{heading}: {listed(names)}" for heading, names in groups.items())
    where = f"{', '.join(origins[:-1])} and {origins[-1]}"
    first = still[0]
    choices = f"say correlate=['{first}'], decorrelate=['{first}'] or rename=..."
    if next(iter(found[first].values())).kind == "lumi":  # of which a model has one
        choices = (
            f"say correlate=['{first}'], with prefer={{'{first}': WORKSPACE}} or {FIRST} where errors differ"
        )
    if len(still) == 1:
        raise ModelError(f"{where} both have '{first}'; {choices}")
    raise ModelError(
        f"{where} have {len(still)} names in common ({described}); {choices} for each, a pattern such as"
        f" '{first[:4]}*', or correlate_common=True for all that agree; plan=... writes a proposal to edit"
    )


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _SOME
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_SOME])} and {more} more"


def preferences(prefer: Mapping[str, str] | str | None, shared: Iterable[str], found: Held) -> dict[str, str]:
    """The workspace whose constraint each shared parameter takes; one word, such as ``"own"``, holds for all.

    Raises
    ------
    ConfigError
        If a pattern stands for nothing.
    """
    if prefer is None:
        return {}
    if isinstance(prefer, str):
        return dict.fromkeys(shared, prefer)
    known = set(shared)
    named: dict[str, str] = {}
    for name, winner in prefer.items():
        every = expanded({name: 1.0}, found, "prefer")
        named |= {each: winner for each in every if each == name or each in known}
    return named


def in_part(rho: float) -> str:
    """What is added to a name or a size where a parameter is correlated in part."""
    return "" if rho == 1 else f" (in part, ρ = {rho:g})"


def report(found: Held, shared: Mapping[str, float]) -> list[str]:
    """What is shared, in lines: names by kind, and those of which each workspace keeps its own size."""
    lines = []
    for kind, word in _KINDS.items():
        names = [name for name in sorted(shared) if next(iter(found[name].values())).kind == kind]
        if names:
            said = [f"{name}{in_part(shared[name])}" for name in names]
            lines.append(f"shared, {word}: {len(names)}: {listed(said)}")
    differing = [
        name
        for name in sorted(shared)
        if len({constraint.words for constraint in found[name].values()}) > 1
        and next(iter(found[name].values())).kind == "gaussian"
    ]
    if differing:
        sizes = "; ".join(f"{name}: {sizes_of(found[name])}" for name in differing[:_SOME])
        more = f"; and {len(differing) - _SOME} more" if len(differing) > _SOME else ""
        lines.append(f"shared, with effects that differ: {len(differing)}: {sizes}{more}")
    return lines


def sizes_of(holders: Mapping[str, Constraint]) -> str:
    """The size of a parameter's effect in each workspace."""
    return ", ".join(f"{constraint.words} in {part}" for part, constraint in holders.items())
