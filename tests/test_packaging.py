"""What is packaged and declared; with real environments: ``python -m benchmarks.install``."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from nuhist import __version__
from nuhist.cli.main import main
from nuhist.errors import DataError
from scripts.release_urls import with_links, with_repository, with_urls
from tests.every_command import CABINETRY, COMMANDS, EXTRAS, OPTIONS

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PROVIDES: Mapping[str, tuple[str, ...]] = {
    "plot": ("matplotlib", "mplhep", "contourpy"),
    "report": ("jinja2",),
    "root": ("uproot", "hist"),
    "hdf5": ("h5py",),
    "hepdata": ("hepdata_lib", "hepdata_validator"),
    "cabinetry": ("cabinetry",),
    "pandas": ("pandas",),
    "dask": ("distributed",),
}
OPTIONAL = [name for names in PROVIDES.values() for name in names]
WITHOUT = f"""
import sys
for name in {OPTIONAL}:
    sys.modules[name] = None  # as if it were not installed
from nuhist.cli.main import main
main()
"""


def requirements(entries: list[str]) -> set[str]:
    """Names of distributions, as packaging writes them."""
    return {re.split(r"[\[<>=!~; ]", entry)[0].lower().replace("_", "-") for entry in entries}


def without(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``nuhist ARGUMENTS`` as if no extra were installed."""
    command = [sys.executable, "-c", WITHOUT, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False, timeout=60)


def test_the_main_job_needs_no_extra(tmp_path: Path) -> None:
    built = without("build", "lz_ws2022", "--hypothesis", "magnetic-moment", "-o", "lz.json", folder=tmp_path)
    assert built.returncode == 0, built.stderr
    found = without("limit", "lz.json", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("mu_nu < 1.621e-11 mu_B at 90 % CL")  # the README's


def remove(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if what an extra brings were not installed."""
    for package in PROVIDES[extra]:
        for module in [known for known in sys.modules if known.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize("name", [*EXTRAS, *OPTIONS])
def test_a_missing_extra_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command, arguments, extra = _with_extra(name)
    inputs = ["build"]
    inputs += [f"export{name.removeprefix('import')}"] if name.startswith("import ") else []
    inputs += ["patchset"] if command == "exclusion" else []
    inputs += ["hepdata build"] if name == "hepdata validate" else []
    for needed in inputs:
        assert CliRunner().invoke(main, [*needed.split(), *COMMANDS[needed]]).exit_code == 0
    remove(extra, monkeypatch)
    before = sorted(path.name for path in tmp_path.iterdir())
    result = CliRunner().invoke(main, [*command.split(), *arguments])
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert re.fullmatch(rf"nuhist: .*; pip install 'nuhist\[{extra}\]'\n", result.stderr)
    left = {path.name for path in tmp_path.iterdir()} - {"drawn"}  # the folder for reproduce's figures
    assert sorted(left) == before


def _with_extra(name: str) -> tuple[str, tuple[str, ...], str]:
    """A command, its arguments, and the extra that they need."""
    if name in EXTRAS:
        return name, COMMANDS[name], EXTRAS[name]
    return name.partition(" --")[0], *OPTIONS[name]


def test_cabinetrys_objects_name_their_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["build", *COMMANDS["build"]]).exit_code == 0
    remove("cabinetry", monkeypatch)
    with pytest.raises(DataError, match=r"; pip install 'nuhist\[cabinetry\]'$"):
        exec(CABINETRY)


def test_every_extra_is_tried() -> None:
    extras = set(PROJECT["optional-dependencies"]) - {"all", "docs", "test"}
    assert {*EXTRAS.values(), *(extra for _, extra in OPTIONS.values()), "cabinetry", "pandas"} == extras
    assert set(PROVIDES) == extras


def imported() -> Iterator[tuple[str, str]]:
    """Modules from elsewhere that the package imports, with the file that does."""
    for path in (ROOT / "nuhist").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += (
                [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            )
            for name in names:
                top = name.partition(".")[0]
                if top not in {"nuhist", "__future__"} and top not in sys.stdlib_module_names:
                    yield top, str(path.relative_to(ROOT))


def test_what_is_imported_is_declared() -> None:
    declared = requirements(PROJECT["dependencies"])
    for entries in PROJECT["optional-dependencies"].values():
        declared |= requirements(entries)
    known = packages_distributions()
    missing = {
        (name, path)
        for name, path in imported()
        if not {found.lower().replace("_", "-") for found in known.get(name, [name])} & declared
    }
    assert not missing


@pytest.mark.parametrize(
    "extra", [None, *(name for name in PROJECT["optional-dependencies"] if name != "all")]
)
def test_every_dependency_has_a_lower_bound(extra: str | None) -> None:
    entries = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    assert [
        each for each in entries if not re.search(r"[>=]=", each) and not each.startswith("nuhist[")
    ] == []


def test_the_conda_recipe_is_that_of_the_package() -> None:
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == __version__
    wanted = {entry.replace(" ", "") for entry in PROJECT["dependencies"]} | {"python>=3.11"}
    assert {entry.replace(" ", "") for entry in recipe["requirements"]["run"]} == wanted
    assert PROJECT["requires-python"] == ">=3.11"
    script, function = PROJECT["scripts"]["nuhist"].split(":")
    assert recipe["build"]["python"]["entry_points"] == [f"nuhist = {script}:{function}"]
    assert recipe["about"]["license_file"] == PROJECT["license-files"]
    assert recipe["about"]["summary"] == PROJECT["description"]


def test_classifiers_are_what_ci_tries() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
    tried = workflow["jobs"]["tests"]["strategy"]["matrix"]["python"]
    named = [entry.rpartition(" ")[2] for entry in PROJECT["classifiers"] if "Python :: 3." in entry]
    assert named == tried
    systems = {entry for entry in PROJECT["classifiers"] if entry.startswith("Operating System")}
    assert systems == {"Operating System :: POSIX :: Linux"}  # the only one that runs the tests


def test_a_release_gets_the_address_of_its_repository() -> None:
    address = "https://github.com/somebody/nuhist"
    project = tomllib.loads(with_urls((ROOT / "pyproject.toml").read_text("utf-8"), address))["project"]
    assert project["urls"] == {
        "Source": address,
        "Issues": f"{address}/issues",
        "Changelog": f"{address}/blob/main/CHANGELOG.md",
    }
    assert "urls" not in PROJECT
    citation = yaml.safe_load(with_repository((ROOT / "CITATION.cff").read_text("utf-8"), address))
    assert citation["repository-code"] == address
    readme = with_links((ROOT / "README.md").read_text("utf-8"), address)
    assert f"![LZ's first science run and the fit]({address}/raw/main/docs/images/lz_ws2022.png)" in readme
    assert f"[Design]({address}/blob/main/DESIGN.md)" in readme
    assert re.findall(r"\]\((?!https?:|#)", readme) == []


def test_the_wheel_is_small() -> None:
    # Each file is compressed by itself in a wheel; 3 MB is the promise, names and metadata included.
    files = [path for path in (ROOT / "nuhist").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(len(zlib.compress(path.read_bytes())) for path in files) < 2_500_000


def test_importing_nuhist_warns_of_nothing() -> None:
    command = [sys.executable, "-W", "error", "-c", "import nuhist; nuhist.limit, nuhist.build, nuhist.Model"]
    assert subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stderr == ""


def test_the_extra_all_has_all() -> None:
    (everything,) = PROJECT["optional-dependencies"]["all"]
    others = set(PROJECT["optional-dependencies"]) - {"all", "docs", "test", "plot"}  # report has plot
    assert set(everything.removeprefix("nuhist[").removesuffix("]").split(",")) >= others


def test_the_package_is_typed_and_no_data_file_is_ignored() -> None:
    assert (ROOT / "nuhist" / "py.typed").is_file()
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs the checkout's git")
    # hatchling leaves out what git ignores.
    command = [git, "ls-files", "--others", "--ignored", "--exclude-standard", "nuhist"]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout
    assert [name for name in ignored.splitlines() if not name.endswith(".pyc")] == []


def test_importing_nuhist_imports_nothing_heavy() -> None:
    # The campaign times it; here: not even NumPy.
    script = "import sys, nuhist; print(' '.join(sorted({n.partition('.')[0] for n in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert not {"numpy", "scipy", "pyhf", "click", "jsonschema", *OPTIONAL} & set(done.stdout.split())


def test_the_version_is_the_same_in_what_is_printed_and_written() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"nuhist, version {__version__}\n"
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    said = {
        (page.name, version)
        for page in pages
        for version in re.findall(r"nuhist (\d+\.\d+\.\d+)", page.read_text(encoding="utf-8"))
    }
    assert {version for _, version in said} == {__version__}, said
    index = json.loads((ROOT / "workspaces" / "index.json").read_text("utf-8"))
    assert index["nuhist_version"] == __version__
