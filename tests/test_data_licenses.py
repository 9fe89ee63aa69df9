"""Every bundled table says where its numbers are from and under which licence, as DATA_LICENSES.md does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nuhist
from nuhist.experiments.loading import bundled_experiments, load_experiment
from nuhist.tables import read_rows

PACKAGE = Path(nuhist.__file__).parent
ROOT = PACKAGE.parent
CODE = {".py", ".typed", ".html", ".css", ".js"}
SCHEMAS = PACKAGE / "schemas"  # our own, and no numbers
LINK = re.compile(r"arXiv:\d{4}\.\d{4,5}|hep-(?:ex|ph)/\d{7}|10\.\d{4,9}/\w[\w.]+\w|ins\d{7}")


def tables() -> list[Path]:
    """All files of the package that are no code."""
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in CODE]
    return sorted(path for path in files if path.parent != SCHEMAS and "__pycache__" not in path.parts)


def rows() -> dict[str, list[str]]:
    """Cells of DATA_LICENSES.md by pattern of path, relative to the checkout."""
    found: dict[str, list[str]] = {}
    folder = ""
    for line in (ROOT / "DATA_LICENSES.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| Table in"):
            folder = cells[0].split("`")[1]
        elif line.startswith("| `"):
            path = folder + cells[0].strip("`")
            assert path not in found, f"{path} is there twice"
            found[path] = cells[1:]
    return found


def row_of(path: Path) -> list[str]:
    relative = path.relative_to(ROOT)
    (cells,) = (cells for pattern, cells in rows().items() if relative.match(pattern))  # one, not more
    return cells


def head(path: Path) -> list[str]:
    lines = path.read_text("utf-8").splitlines()
    return [line.removeprefix("# ") for line in lines if line.startswith("#")]


CSV = [path for path in tables() if path.suffix == ".csv"]


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", tables(), ids=name)
def test_every_table_has_one_row(path: Path) -> None:
    cells = row_of(path)
    assert len(cells) == 3
    assert all(cells)


def test_every_row_has_a_table() -> None:
    found = [*tables(), *(ROOT / "docs" / "published").iterdir()]
    for pattern in rows():
        assert any(path.relative_to(ROOT).match(pattern) for path in found), pattern


@pytest.mark.parametrize("path", CSV, ids=name)
def test_a_head_says_source_and_licence_as_the_row_does(path: Path) -> None:
    lines, cells = head(path), row_of(path)
    (source,) = (line for line in lines if line.startswith("Source: "))
    (licence,) = (line.removeprefix("Licence: ") for line in lines if line.startswith("Licence: "))
    # What the row links to is named in the head, and the other way round.
    text = " ".join(lines)
    assert set(LINK.findall(cells[0])) <= set(LINK.findall(text))
    assert set(LINK.findall(source)) - set(LINK.findall(cells[0])) <= {"hep-ex/0605006"}  # a remark
    # Both say that nothing is stated, or name the same licences.
    words = ("Apache-2.0", "CC0-1.0", "CC-BY-4.0", "MIT")
    assert {word for word in words if word in licence} == {word for word in words if word in cells[2]}
    unstated = [("no licence" in text or "none stated" in text.lower()) for text in (licence, cells[2])]
    assert unstated[0] == unstated[1]
    assert unstated[0] or any(word in licence for word in words)


@pytest.mark.parametrize("path", CSV, ids=name)
def test_a_head_names_no_file_that_is_not_there(path: Path) -> None:
    for file in re.findall(r"[\w./]+\.(?:csv|py|yaml)\b", " ".join(head(path))):
        places = (path.parent / file, ROOT / file)
        assert any(place.is_file() for place in places) or file == "solar_flux_shape_NAME.csv", file


@pytest.mark.parametrize(
    "path", [path for path in CSV if any("Sums: " in line for line in head(path))], ids=name
)
def test_sums_in_a_head_are_those_of_the_columns(path: Path) -> None:
    header, cells = read_rows(path)
    (line,) = (line for line in head(path) if line.startswith("Sums: "))
    for text in line.removeprefix("Sums: ").split(", "):
        column, number = text.split()
        total = sum(float(row[header.index(column)]) for row in cells)
        decimals = len(number.partition(".")[2])
        assert total == pytest.approx(float(number), abs=0.5000001 * 10**-decimals), column  # half a digit


@pytest.mark.parametrize("experiment", bundled_experiments())
def test_experiments_say_their_terms(experiment: str) -> None:
    found = load_experiment(experiment)
    assert found.license
    assert found.url
    assert found.url.startswith("https://")
    for word in ("Apache-2.0", "CC0-1.0", "no licence stated"):  # at least what its own tables are
        for path in (PACKAGE / "experiments" / experiment).glob("*.csv"):
            assert (word not in row_of(path)[2]) or word in found.license.replace("None", "no licence"), path
