"""What parameters are called in ROOT and in HistFactory JSON; no two become one on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from nuhist.errors import ExchangeError
from nuhist.histfactory.parameter_sets import SCALARS, ParameterSet

LUMI = "Lumi"  # ROOT's name of the luminosity, which every model of its HistFactory has
CONSTRAINED = ("normsys", "histosys")
_PREFIX = "alpha_"


def root_name(name: str, kind: str) -> str:
    """What ROOT calls a parameter whose modifier is of this type."""
    if kind == "lumi":
        return LUMI
    return f"{_PREFIX}{name}" if kind in CONSTRAINED else name


def has_lumi(sets: Mapping[str, ParameterSet]) -> bool:
    """Whether a workspace has a luminosity, and not a systematic of this name."""
    return "lumi" in sets and sets["lumi"].kind == "lumi"


def bin_name(name: str, kind: str, channel: str, index: int) -> str:
    """What ROOT calls a parameter of one bin."""
    return f"gamma_{f'stat_{channel}' if kind == 'staterror' else name}_bin_{index}"


def bin_names(name: str, entry: ParameterSet) -> Iterator[tuple[str, str]]:
    """Names of the bins of a parameter that is one per bin: those of ROOT, and those of a workspace."""
    for channel, (bins, _) in entry.holders.items():
        place = name if entry.kind == "shapefactor" else f"{name} in {channel}"  # which channels share
        for index in range(bins):
            yield bin_name(name, entry.kind, channel, index), f"{place}, bin {index}"


def names_in_root(name: str, entry: ParameterSet) -> list[str]:
    """All parameters that one of a workspace becomes in ROOT."""
    if entry.kind in SCALARS:
        return [root_name(name, entry.kind)]
    return [theirs for theirs, _ in bin_names(name, entry)]


def root_names(
    sets: Mapping[str, ParameterSet], origin: str, systematics: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Parameters of a workspace by what ROOT's HistFactory calls them, those of bins left out.

    ``systematics`` has ROOT's names of normsys and histosys where they are not those of :func:`root_name`.

    Raises
    ------
    ExchangeError
        If ROOT takes two of them for one, or one for its luminosity.
    """
    pairs = OneToOne(origin)
    taken = "lumi" in sets and not has_lumi(sets)  # by a systematic, which is alpha_lumi in ROOT
    pairs.add(LUMI, "ROOT's luminosity" if taken else "lumi")
    found = {}
    for name, entry in sets.items():
        if entry.kind in SCALARS:
            theirs = systematics.get(name) or root_name(name, entry.kind)
            pairs.add(theirs, name)
            found[theirs] = name
        else:
            for theirs, ours in bin_names(name, entry):
                pairs.add(theirs, ours)
    return found


def distinct_names(wishes: Mapping[str, str], taken: Collection[str] = ()) -> dict[str, str]:
    """Names in a workspace for the parameters of another format, by their own.

    A parameter gets the name that is wished, such as ``x`` for ``alpha_x``, unless another one has it or it
    is taken; then it keeps its own.

    Examples
    --------
    >>> distinct_names({"alpha_x": "x", "alpha_y": "y", "y": "y"})
    {'alpha_x': 'x', 'alpha_y': 'alpha_y', 'y': 'y'}
    """
    names = dict(wishes)
    while True:
        counts = Counter([*names.values(), *set(taken)])
        clashing = [own for own, name in names.items() if own != name and counts[name] > 1]
        if not clashing:
            return names
        names.update((own, own) for own in clashing)


class OneToOne:
    """Pairs of names in another format and in a workspace, each of which has one partner."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._ours: dict[str, str] = {}
        self._theirs: dict[str, str] = {}

    def add(self, theirs: str, ours: str) -> None:
        """Add a pair; an ExchangeError if two parameters would become one, or one two."""
        other = self._ours.setdefault(theirs, ours)
        if other != ours:
            raise ExchangeError(
                f"{self._origin}: '{other}' and '{ours}' would be one parameter, '{theirs}'; rename one"
            )
        other = self._theirs.setdefault(ours, theirs)
        if other != theirs:
            raise ExchangeError(
                f"{self._origin}: '{other}' and '{theirs}' would be one parameter, '{ours}'; rename one"
            )
