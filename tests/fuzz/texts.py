"""Mutations of JSON, YAML, CSV and XML: values, types, keys, order, size and nesting."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import re
from typing import Any
from xml.etree import ElementTree as ET

import yaml

from tests.fuzz.mutations import MUTATIONS, TEXT, change_number, insert_token

_HERE = "@@here@@"  # stands in a document for text that no library would write

STRINGS = (
    "", "a", "nan", "inf", "1", "-1", "0x10", "1_000", "١٢", "\x00", "\ud800", "é", "³⁷Ar", "\u202e", "a\nb",
    "a/b", "/", ".", "..", "../../escaped", "/tmp/escaped", "~", "-", "mu", "lumi", "normfactor", "staterror",
    "histosys", "{}", "[]", "%s%n", "a" * 300, "b" * 100_000, "\ufeff", "$HOME", "`id`", "a:b=c",
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 2, 3, 7, 0.5, -0.0, 0.1, 1e-9, 1e-320, 1e17, 1e30, 1e300, -1e300, 1.7976931348623157e308, 2**31,
    2**63, -(2**63), 10**30, 10**400, -(10**400), float("nan"), float("inf"), float("-inf"), True, False,
)  # fmt: skip
SHAPES: tuple[Any, ...] = (
    None,
    [],
    {},
    [[]],
    [{}],
    {"": None},
    [None],
    [0],
    [1.0, 2.0],
    {"a": {"b": []}},
    [[1, 2], 3],
)


# --- trees, as JSON and YAML have them


def change_tree(source: random.Random, tree: Any) -> Any:
    """A document with one change: a value, a type, a key, an order, a size."""
    tree = copy.deepcopy(tree)
    nodes = _walk(source, tree)
    if not nodes:
        return _value(source)
    container, key = nodes[source.randrange(len(nodes))] if source.random() < 0.4 else nodes[-1]
    value = container[key]
    if isinstance(value, int | float) and source.random() < 0.5:  # often still of the right type
        container[key] = source.choice((*NUMBERS, value * 2, -value, value + 1, value / 3))
        return tree
    what = source.randrange(9)
    if what <= 2 or (what == 3 and not isinstance(value, int | float)):
        container[key] = _value(source)
    elif what == 3:
        container[key] = value * source.choice((-1, 0, 1e-9, 1e9, 1e300, float("nan")))
    elif what == 4:
        del container[key]
    elif what == 5 and isinstance(container, dict):
        container[source.choice((*STRINGS, *map(str, container)))] = container.pop(key)
    elif what in (5, 6):
        if isinstance(container, list):
            container[key:key] = [copy.deepcopy(value)] * source.choice((1, 1, 2, 1000))
        else:
            container[source.choice(STRINGS)] = copy.deepcopy(value)
    elif what == 7 and nodes[0] != (container, key):
        other, name = source.choice(nodes)  # a part in the place of another one, or of its parent
        other[name] = copy.deepcopy(value)
    else:
        container[key] = _wrapped(source, value)
    return tree


def _walk(source: random.Random, tree: Any) -> list[tuple[Any, Any]]:
    """Places from the root to a random leaf."""
    found = []
    while isinstance(tree, dict | list) and tree:
        key = source.choice(list(tree)) if isinstance(tree, dict) else source.randrange(len(tree))
        found.append((tree, key))
        if source.random() < 0.1:
            break
        tree = tree[key]
    return found


def _value(source: random.Random) -> Any:
    return copy.deepcopy(source.choice((*NUMBERS, *STRINGS, *SHAPES, *NUMBERS)))


def _wrapped(source: random.Random, value: Any) -> Any:
    return source.choice(([value], {"a": value}, str(value), [value] * 3, [[value]], _HERE))


def _with_deep(source: random.Random, text: str) -> str:
    """Put something that is nested deeply where the tree says so."""
    depth = source.choice((30, 60, 5000, 100_000))  # none of which is near a limit of the parsers here
    start, end = source.choice((("[", "]"), ('{"a":', "}"), ("[[", "]]")))
    return text.replace(f'"{_HERE}"', start * depth + "1" + end * depth).replace(
        _HERE, start * depth + "1" + end * depth
    )


def json_tree(source: random.Random, content: bytes) -> bytes:
    """Change the document."""
    return _with_deep(source, json.dumps(change_tree(source, json.loads(content)))).encode()


def json_twice(source: random.Random, content: bytes) -> bytes:
    """Have a key twice."""
    text = content.decode()
    where = source.choice(list(re.finditer(r'"[^"]{1,40}":', text)))
    value = json.dumps(_value(source))
    return (text[: where.start()] + f"{where[0]} {value}, " + text[where.start() :]).encode()


def yaml_tree(source: random.Random, content: bytes) -> bytes:
    """Change the document; everything is loaded safely."""
    if b"&x0" in content or b"[" * 60 in content or b'{"a":' * 60 in content:
        raise ValueError("has aliases of aliases or is nested deeply, which would harm this process too")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tree = change_tree(source, yaml.load(content, Loader=loader))
    text: str = yaml.safe_dump(tree, allow_unicode=source.random() < 0.5, sort_keys=False)
    return _with_deep(source, text).encode("utf-8", "surrogatepass")


def yaml_bomb(source: random.Random, content: bytes) -> bytes:
    """Aliases of aliases: a short text for a document of 10⁹ or more entries."""
    levels = source.choice((5, 9, 30))
    lines = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x{n + 1}: &x{n + 1} [{', '.join([f'*x{n}'] * 9)}]" for n in range(levels)]
    text = content.decode()
    if source.random() < 0.5:  # in the place of a value
        found = list(re.finditer(r"(?m)^(\w+): .*$", text))
        where = source.choice(found)
        text = text[: where.start()] + f"{where[1]}: *x{levels}" + text[where.end() :]
    return ("\n".join(lines) + "\n" + text).encode()


def checkpoint_line(source: random.Random, content: bytes) -> bytes:
    """Change what a line of a checkpoint holds, now and then with the digest that fits."""
    lines = content.decode().split("\n")
    index = source.randrange(len(lines))
    entry = change_tree(source, json.loads(lines[index]))
    if isinstance(entry, dict) and "check" in entry and source.random() < 0.7:
        text = f"{entry.get('task')} {entry.get('statistic')} {entry.get('best')}"
        entry["check"] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    lines[index] = json.dumps(entry)
    return "\n".join(lines).encode()


# --- tables


def csv_cells(source: random.Random, content: bytes) -> bytes:
    """Cells, columns, the header, the separator."""
    lines = [line.split(",") for line in content.decode().splitlines()]
    rows = [line for line in lines if not line[0].startswith("#")]
    row = source.choice(rows if source.random() < 0.6 else (rows[0], rows[1], rows[-1]))
    cell = source.randrange(len(row))
    what = source.randrange(8)
    if what <= 3:
        row[cell] = str(
            source.choice((*NUMBERS[:20], *STRINGS, "1e5", "1e7", "1e999", "-1", "-0", "1;2", '"1"', "1 "))
        )
    elif what == 4:
        del row[cell]
    elif what == 5:
        row.insert(cell, row[cell])
    elif what == 6:
        for line in rows:
            del line[cell : cell + 1]
    else:
        lines += [copy.deepcopy(row)] * source.choice((1, 3, 10_000))
    return "\n".join(",".join(line) for line in lines).encode("utf-8", "surrogatepass")


# --- XML


def xml_tree(source: random.Random, content: bytes) -> bytes:
    """Change elements, attributes and texts; the document type stays."""
    head = re.match(rb"\s*(?:<\?xml.*?\?>\s*)?(?:<!DOCTYPE.*?>\s*)?", content, re.DOTALL)
    root = ET.fromstring(content)
    elements = list(root.iter())
    element = source.choice(elements)
    what = source.randrange(8)
    plain = [text for text in STRINGS if text.isprintable()]
    if what <= 2 and element.attrib:
        element.set(
            source.choice(list(element.attrib)), str(source.choice((*plain, *map(str, NUMBERS[:20]))))
        )
    elif what == 3 and element.attrib:
        del element.attrib[source.choice(list(element.attrib))]
    elif what == 4:
        element.text = source.choice((*plain, "1 2 3", "<a>", None))
    elif what == 5:
        element.tag = source.choice([entry.tag for entry in elements] + ["a"])
    elif what == 6 and len(element):
        element.remove(source.choice(list(element)))
    else:
        parent = source.choice(elements)
        parent.extend([copy.deepcopy(element)] * source.choice((1, 1, 3)))
    return (head[0] if head else b"") + ET.tostring(root)


def xml_entities(source: random.Random, content: bytes) -> bytes:
    """A document type with entities: of other files, or of each other."""
    bomb = '<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(source.choice((3, 9, 20)))
    )
    inside = source.choice(
        ('<!ENTITY z SYSTEM "file:///etc/passwd">', '<!ENTITY % z SYSTEM "http://127.0.0.1:9/x"> %z;', bomb)
    )
    text = re.sub(rb"<!DOCTYPE.*?>", b"", content, flags=re.DOTALL)
    name = re.search(rb"<([A-Za-z]+)", text)
    place = text.index(b"<" + name[1]) if name else 0
    body = text[place:].replace(b">", source.choice((b">&z;", b">&b;", b">")), 1)
    return text[:place] + b"<!DOCTYPE %s [%s]>" % (name[1] if name else b"a", inside.encode()) + body


_JSON_TOKENS = (
    "NaN", "Infinity", "-Infinity", "null", "true", "{", "}", "[", "]", ",", ":", '"', "1e999", "//", "'",
    '"\\ud800"', '"\\u0000"',
)  # fmt: skip
_YAML_TOKENS = (
    "\n? a\n: b\n", "!!python/object/apply:os.system ['true']", "!!binary x", "!!timestamp 2001-01-01",
    "2001-01-01", "&a ", "*a", "<<: *a\n", ".nan", ".inf", "1:30", "0o17", "1_000", "|", ">", "- ", ": ",
    "\t", "---\n", "...\n", "%YAML 9.9\n", "'", '"', "{", "[", "#", "!!set {a}", "!!omap [a: 1]", "yes", "~",
    "null",
)  # fmt: skip
_XML_TOKENS = (
    "<", ">", "</", "/>", "&amp;", "&x;", "&#0;", "&#xD800;", "<!--", "-->", "<![CDATA[", "]]>", '"', "<?a?>",
    "<a/>", "'",
)  # fmt: skip
_CSV_TOKENS = (",", "\n", "#", '"', ";", "\t", "nan", "inf", "1e999", "١", "\ufeff")


_TEXT = (*TEXT, change_number)
MUTATIONS["text"] = ((), (*_TEXT, insert_token(_CSV_TOKENS)))
MUTATIONS["json"] = ((json_tree,) * 8 + (json_twice,), (*_TEXT, insert_token(_JSON_TOKENS)))
MUTATIONS["yaml"] = ((yaml_tree,) * 30 + (yaml_bomb,), (*_TEXT, insert_token(_YAML_TOKENS)))
MUTATIONS["csv"] = ((csv_cells,), (*_TEXT, insert_token(_CSV_TOKENS)))
MUTATIONS["xml"] = ((xml_tree,) * 6 + (xml_entities,), (*_TEXT, insert_token(_XML_TOKENS)))
MUTATIONS["checkpoint"] = ((checkpoint_line,), TEXT)
