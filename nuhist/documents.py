"""JSON and YAML texts as documents, with bounds that keep safe whatever reads them next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from nuhist.errors import DataError, NuhistError

DEEPEST = 50  # levels; a workspace has ten. Beyond some hundreds libraries overflow their stacks
MOST_VALUES = 30_000_000  # in JSON, each of which takes some 50 bytes of memory
_MOST_CONTAINERS = 5_000_000  # lists and objects in JSON: some 200 bytes
_MOST_NODES = 1_000_000  # in YAML: some 1000 bytes
_MOST_COPIES = 100_000  # nodes that the aliases of a YAML text may stand for
_INTEGERS = 2**63  # what arrays hold
_TOO_LARGE = "with an integer of {}, of 64 bits at most; write a large number like 1.5e30"
_SPECIAL_KEYS = ("tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # half of a character that UTF-16 has in two


def parse_json(text: str, where: str, kind: type[NuhistError] = DataError) -> Any:
    """A document from JSON, which may have NaN and infinite numbers.

    Parameters
    ----------
    text
        To parse.
    where
        The file, for the message.
    kind
        Class of the error to raise.

    Raises
    ------
    NuhistError
        Of the given kind, if it is no JSON (the message has line and column), has a key twice (the
        message has it), has more than 5 million lists and objects or 30 million values, is nested deeper
        than 50 levels, or has an integer beyond 64 bits or half a character.
    """
    if text.count("[") + text.count("{") > _MOST_CONTAINERS or text.count(",") > MOST_VALUES:
        raise kind(
            f"{where}: is JSON of more than {_MOST_CONTAINERS // 10**6} million lists and objects, or"
            f" {MOST_VALUES // 10**6} million values; not read"
        )
    repetitions: list[int] = []

    def entries(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            repetitions.append(len(pairs))
        return found

    try:
        document = json.loads(text, object_pairs_hook=entries)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise kind(f"{where}: is no JSON: {error.msg} at {place}") from error
    except RecursionError as error:
        raise kind(f"{where}: is JSON nested too deeply") from error
    except ValueError as error:  # an integer of thousands of digits
        raise kind(f"{where}: is JSON {_TOO_LARGE.format('thousands of digits')}") from error
    if repetitions:
        raise kind(f"{where}: is JSON with a key twice, {_repeated(text)}; keep one")
    _check(document, f"{where}: is JSON", kind)
    if _HALF.search(text):
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = ascii(error.object[error.start])
            raise kind(
                f"{where}: is JSON with half a character, {half}; write the whole character in UTF-8"
            ) from error
    return document


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with all of its keys."""


def _repeated(text: str) -> str:
    """The first key that is twice in an object, with the way to it, such as ``channels[0].name``."""
    waiting: list[tuple[str, Any]] = [("", json.loads(text, object_pairs_hook=_Pairs))]
    for place, value in waiting:  # which grows
        pairs = value if isinstance(value, _Pairs) else []
        known: set[str] = set()
        for key, _ in pairs:
            if key in known:
                return f"{place}.{key}".removeprefix(".")
            known.add(key)
        named = [(f"{place}.{key}", item) for key, item in pairs] or [
            (f"{place}[{index}]", item) for index, item in enumerate(value)
        ]
        waiting += [(name, item) for name, item in named if isinstance(item, list)]
    raise AssertionError


def parse_yaml(text: str, where: str, kind: type[NuhistError] = DataError) -> Any:
    """A document from YAML, loaded safely; it may have NaN, infinite numbers and dates.

    Parameters are those of :func:`parse_json`.

    Raises
    ------
    NuhistError
        Of the given kind, if it is no YAML of one document, has a key twice, has more than a million
        entries, is nested deeper than 50 levels, has aliases that stand for very much or for what they
        are in, or an integer beyond 64 bits.
    """
    documents = yaml_documents(text, where, kind)
    if len(documents) > 1:
        raise kind(f"{where}: is YAML of {len(documents)} documents; expected one")
    return documents[0] if documents else None


def yaml_documents(text: str, where: str, kind: type[NuhistError] = DataError) -> list[Any]:
    """All documents of a YAML text, see :func:`parse_yaml`."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_events(yaml.parse(text, Loader=loader), f"{where}: is YAML", kind)
        documents = _constructed(loader(text), f"{where}: is YAML", kind)  # both are safe
    except (yaml.YAMLError, ValueError) as error:
        raise kind(f"{where}: is no YAML: {' '.join(str(error).split())}") from error
    except (LookupError, TypeError, AttributeError) as error:  # what PyYAML stumbles over
        raise kind(f"{where}: is YAML with a value that does not fit its tag, such as !!timestamp") from error
    for document in documents:
        _check(document, f"{where}: is YAML", kind)
    return documents


def _constructed(loader: Any, what: str, kind: type[NuhistError]) -> list[Any]:
    documents = []
    try:
        while loader.check_node():
            node = loader.get_node()
            _refuse_repeated(node, loader, what, kind)
            documents.append(loader.construct_document(node))
    finally:
        loader.dispose()
    return documents


def _refuse_repeated(root: Any, loader: Any, what: str, kind: type[NuhistError]) -> None:
    """Refuse a key that is twice in a mapping; what ``<<`` brings does not count."""
    import yaml

    waiting, seen = [root], {id(root)}
    for node in waiting:  # which grows
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        lines: dict[Any, int] = {}
        for key, _ in pairs:
            if isinstance(key, yaml.ScalarNode):
                special = key.tag in _SPECIAL_KEYS
                name = (key.tag, key.value) if special else loader.construct_object(key)
                line = key.start_mark.line + 1
                if name in lines:
                    raise kind(
                        f"{what} with the key '{key.value:.60}' twice, in lines {lines[name]} and {line};"
                        " keep one"
                    )
                lines[name] = line
        inside = [one for pair in pairs for one in pair] or node.value
        for child in inside if isinstance(node, yaml.CollectionNode) else []:
            if id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)


def _check_events(events: Iterable[Any], what: str, kind: type[NuhistError]) -> None:
    """Refuse what would overflow the stack or fill the memory, before anything is built of it."""
    import yaml

    sizes: dict[str, int] = {}  # of what has an anchor, with aliases written out
    started: list[tuple[str | None, int]] = []
    nodes = copies = 0
    for event in events:
        if nodes > _MOST_NODES:
            raise kind(f"{what} of more than {_MOST_NODES // 10**6} million entries; not read")
        if isinstance(event, yaml.DocumentStartEvent):
            sizes.clear()
        elif isinstance(event, yaml.CollectionStartEvent):
            started.append((event.anchor, nodes))
            nodes += 1
            if len(started) > DEEPEST:
                raise kind(f"{what} nested more than {DEEPEST} levels deep; not read")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = started.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if any(event.anchor == anchor for anchor, _ in started):
                raise kind(f"{what} in which *{event.anchor} stands for what it is in; write it out")
            copied = sizes.get(str(event.anchor), 0)  # an alias of nothing is found when it is loaded
            nodes += copied
            copies += copied
            if copies > _MOST_COPIES:
                raise kind(f"{what} whose aliases stand for too much; write out what they stand for")


def _check(document: Any, what: str, kind: type[NuhistError]) -> None:
    """Refuse integers that no array holds, and lists in lists without end."""
    level, depth = [document], 0
    while level := [value for value in level if isinstance(value, dict | list)]:
        depth += 1
        if depth > DEEPEST:
            raise kind(f"{what} nested more than {DEEPEST} levels deep; not read")
        level = [item for value in level for item in _inside(value, what, kind)]


def _inside(container: Any, what: str, kind: type[NuhistError]) -> Iterator[Any]:
    """Containers in a container, its own integers checked."""
    values = list(container.values()) if isinstance(container, dict) else container
    types = set(map(type, values))
    if int in types:
        for value in values:
            if type(value) is int and not -_INTEGERS <= value < _INTEGERS:
                raise kind(f"{what} {_TOO_LARGE.format(f'{value.bit_length() + 1} bits')}")
    if dict in types or list in types:
        yield from values
