"""Environments at the lowest and at the newest versions for ``benchmarks/install.py``; tests in them."""

from __future__ import annotations

import json
import re
import shutil
import time
import tomllib
from pathlib import Path
from typing import Any

from benchmarks.install_checks import Place, arguments
from benchmarks.install_run import ROOT, environment, run, table
from tests.every_command import COMMANDS

# matplotlib of 2023 calls what a newer pyparsing says is deprecated, which the tests take for an error.
OLD = "pyparsing>=3.1,<3.3"
# The campaigns have commands of their own; these test the checkout, which is not what is installed.
LEFT_OUT = (
    "tests/equivalence",
    "tests/fuzz",
    "tests/faults",
    "tests/test_packaging.py",
    "tests/test_project.py",
)
# matplotlib before 3.10 lists subfigures by columns, though they lie at the same places; its SVG is smaller.
NOT_OLDEST = (
    "tests/report/test_inference_figures.py::test_all_channels_come_from_one_fit",
    "tests/test_docs.py::test_the_tutorial_as_printed",
)
ALIAS = """
import numpy

if not hasattr(numpy, "trapezoid"):  # NumPy 2 has it; tests use it, nuhist does not
    numpy.trapezoid = numpy.trapz
"""
COPIED = ("tests", "workspaces", "docs", "benchmarks", "scripts", ".ci", "pyproject.toml",
          "README.md", "CHANGELOG.md", "DESIGN.md", "CONTRIBUTING.md", "SECURITY.md",
          "CITATION.cff")  # fmt: skip


def versions(place: Place, processes: int, *, oldest: bool) -> str:
    """All extras, the tests' too, at the lowest or at the newest versions, with the tests of the checkout."""
    title = "oldest" if oldest else "newest"
    programs = environment(place.folder / title, place.python)
    install = (place.tools / "uv", "pip", "install", "-q", "--python", programs / "python")
    if oldest:  # uv takes the lowest of what it is given, not of what that needs: not of a wheel's
        lowest = ("--resolution", "lowest-direct", "--extra", "test", "-r", ROOT / "pyproject.toml")
        run(*install, *lowest, OLD)
        run(*install, "--no-deps", place.wheel)
    else:
        run(*install, "--upgrade", f"nuhist[test] @ file://{place.wheel}")
    work = place.work(title)
    ended = {name: run(programs / "nuhist", *name.split(), *arguments(name), cwd=work, check=False)
             for name in COMMANDS}  # fmt: skip
    problems = [f"{name}: {each.stderr.strip()[-300:]}" for name, each in ended.items() if each.returncode]
    tree = _tree(place.folder / f"tests-{title}")
    rows = [
        ("commands that end with 0", f"{len(COMMANDS) - len(problems)} of {len(COMMANDS)}"),
        *(("not", problem) for problem in problems),
        *_tests(programs, tree, processes, oldest=oldest),
        ("documentation (`sphinx-build -W`)", _documentation(programs, tree)),
        ("layers (`lint-imports`)", "kept" if _ends_well(programs / "lint-imports", tree) else "BROKEN"),
        ("`pip check`", run(programs / "python", "-m", "pip", "check", check=False).stdout.strip()),
        *_installed(programs, place, oldest=oldest),
    ]
    heading = "Lowest versions of all direct dependencies" if oldest else "Newest versions"
    return f"## {heading}\n\n" + table(rows)


def _tree(folder: Path) -> Path:
    """The checkout without nuhist: the installed one is tested."""
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        shutil.copytree(source, folder / name) if source.is_dir() else shutil.copyfile(source, folder / name)
    (folder / "conftest.py").write_text(ALIAS, encoding="utf-8")
    return folder


def _tests(programs: Path, tree: Path, processes: int, *, oldest: bool) -> list[tuple[str, str]]:
    options = ["-q", "-p", "no:cacheprovider", "-n", str(processes), "-o", "addopts=--import-mode=importlib"]
    options += [f"--ignore={name}" for name in LEFT_OUT]
    options += [f"--deselect={name}" for name in NOT_OLDEST if oldest]
    where = run(programs / "python", "-c", "import nuhist; print(nuhist.__file__)", cwd=tree).stdout
    started = time.monotonic()
    done = run(programs / "pytest", *options, "tests", cwd=tree, check=False)
    last = done.stdout.strip().splitlines()[-1].strip("= ")
    failed = re.findall(r"^(?:FAILED|ERROR) (.*)", done.stdout, re.MULTILINE)
    counted = re.sub(r" in .*", "", last)
    return [
        (
            "nuhist imported from",
            "the environment" if str(programs.parent) in where else f"ELSEWHERE: {where}",
        ),
        ("tests", f"{counted}; {(time.monotonic() - started) / 60:.0f} min"),
        ("tests left out", ", ".join([*LEFT_OUT, *(NOT_OLDEST if oldest else ())])),
        *(("failed", name[:300]) for name in failed[:10]),
    ]


def _documentation(programs: Path, tree: Path) -> str:
    command = (programs / "sphinx-build", "-W", "--keep-going", "-q", "docs", "site")
    done = run(*command, cwd=tree, check=False)
    return "builds" if done.returncode == 0 else f"FAILS: {done.stderr.strip()[-300:]}"


def _ends_well(program: Path, folder: Path) -> bool:
    return run(program, cwd=folder, check=False).returncode == 0


def _installed(programs: Path, place: Place, *, oldest: bool) -> list[tuple[str, str]]:
    """Versions of the direct dependencies, and which are not the lowest or the newest."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    bounds = dict(re.findall(r"^([a-z0-9-]+)[>=]=([\d.]+)", "\n".join(wanted), re.MULTILINE))
    listed = run(programs / "python", "-m", "pip", "list", "--format=json").stdout
    found = {entry["name"].lower().replace("_", "-"): entry["version"] for entry in json.loads(listed)}
    rows = [("versions", ", ".join(f"{name} {found[name]}" for name in sorted(bounds)))]
    if oldest:
        other = [f"{name} {found[name]} (bound {bound})" for name, bound in sorted(bounds.items())
                 if _number(found[name])[: len(_number(bound))] != _number(bound)]  # fmt: skip
        return [*rows, ("not the lowest", ", ".join(other) or "none")]
    command = (
        place.tools / "uv",
        "pip",
        "list",
        "--outdated",
        "--format",
        "json",
        "--python",
        programs / "python",
    )
    newer = [f"{entry['name']} {entry['latest_version']}" for entry in json.loads(run(*command).stdout)
             if entry["name"].lower().replace("_", "-") in bounds]  # fmt: skip
    return [*rows, ("newer ones exist, which upper bounds keep out", ", ".join(newer) or "none")]


def _number(version: str) -> list[int]:
    """Parts of a version, without zeros at its end."""
    parts = [int(part) for part in re.findall(r"\d+", version)]
    while parts and parts[-1] == 0:
        parts.pop()
    return parts
