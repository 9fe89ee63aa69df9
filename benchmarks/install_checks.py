"""What ``benchmarks/install.py`` tries with the wheel: its files, alone, and with each extra."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import statistics
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.install_run import ROOT, environment, run, table
from nuhist.__about__ import __version__
from tests.every_command import CABINETRY, COMMANDS, EXTRAS, OPTIONS, OTHER, PANDAS

LARGEST = 2**20
RUNS = 21
PROGRAM = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from nuhist.cli.main import main; main()"
WRITTEN = ("export root", "export xml", "export inference-interface", "hepdata build")  # what others read
TYPED = """
import nuhist

workspace: nuhist.Workspace = nuhist.build("lz_ws2022", hypothesis="magnetic-moment", flavor="mu")
upper: float | None = nuhist.limit(workspace, method="cls").upper
best: float = nuhist.fit(workspace).min_chi2
joint: nuhist.Workspace = nuhist.combine([workspace, nuhist.build("lz_ws2024", hypothesis="magnetic-moment")])
names: tuple[str, ...] | list[str] = nuhist.bundled_experiments()
"""
WRONG = """
import nuhist

nuhist.limit(3)
nuhist.build("lz_ws2022", hypothesis="magnetic-moment", flavor="electron")
less: int = nuhist.fit(nuhist.build("lz_ws2022", hypothesis="magnetic-moment")).min_chi2
nuhist.nothing
"""
IMPORT = "import time, numpy; s = time.process_time(); import nuhist; print(time.process_time() - s)"
EVERYTHING = IMPORT.replace("import nuhist;", "import nuhist; [getattr(nuhist, n) for n in nuhist.__all__];")
CLUSTER = """
import subprocess, sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        place = [cluster.scheduler_address if word == "tcp://127.0.0.1:1" else word for word in sys.argv[1:]]
        sys.exit(subprocess.run(place).returncode)
"""


@dataclass(frozen=True)
class Place:
    """Where everything is: a temporary folder, the programs that build, and Python."""

    folder: Path
    tools: Path
    python: str

    @property
    def wheel(self) -> Path:
        """Built from the sdist."""
        return next((self.folder / "dist").glob("*.whl"))

    @property
    def sdist(self) -> Path:
        """Built from the checkout."""
        return next((self.folder / "dist").glob("*.tar.gz"))

    def install(self, name: str, *what: object) -> Path:
        """A new environment with something in it."""
        programs = environment(self.folder / name, self.python)
        run(self.tools / "uv", "pip", "install", "-q", "--python", programs / "python", *what)
        return programs

    def work(self, name: str) -> Path:
        """A new folder with what the commands read, written by the checkout."""
        made = self.folder / f"work-{name}"
        if not (self.folder / "written").exists():
            written = self.folder / "written"
            written.mkdir()
            run(sys.executable, "-c", PROGRAM, *OTHER, cwd=written)
            for each in ("build", *WRITTEN):
                run(sys.executable, "-c", PROGRAM, *each.split(), *COMMANDS[each], cwd=written)
        shutil.copytree(self.folder / "written", made)
        return made


def arguments(name: str) -> tuple[str, ...]:
    """Of a command, in a folder that has a submission already."""
    return (*COMMANDS[name][:-1], "another") if name == "hepdata build" else COMMANDS[name]


def files(place: Place) -> str:
    """What is inside, and whether all of the checkout's data is."""
    wheel = _contents(place.wheel)
    direct = _contents(next((place.folder / "direct").glob("*.whl")))
    with tarfile.open(place.sdist) as tar:
        source = {entry.name.partition("/")[2]: entry.size for entry in tar if entry.isfile()}
    listed = run(
        "git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT
    ).stdout.splitlines()
    sizes = {name: (ROOT / name).stat().st_size for name in listed if (ROOT / name).is_file()}
    package = {name for name in sizes if name.startswith("nuhist/")}
    inside = {name for name in wheel if ".dist-info/" not in name}
    other = sorted(set(wheel.items()) ^ set(direct.items()))
    same = f"DIFFER: {other}" if other else "the same files, byte for byte"
    name = max(sizes, key=lambda each: sizes[each])
    return "## Files\n\n" + table([
        ("wheel", f"{place.wheel.stat().st_size / 2**20:.2f} MiB, {len(wheel)} files"),
        ("sdist", f"{place.sdist.stat().st_size / 2**20:.2f} MiB, {len(source)} files"),
        ("wheel built from the sdist, and from the checkout", same),
        ("files of `nuhist/` in the checkout", str(len(package))),
        ("of these not in the wheel", _names(package - inside)),
        ("of these not in the sdist", _names(package - set(source))),
        ("other files in the wheel", _names(inside - package)),
        ("largest file of the checkout", f"{sizes[name] / 1024:.0f} KiB ({name})"),
        ("files above 1 MiB, in the checkout or the sdist", _names(
            {each for each, size in {**source, **sizes}.items() if size > LARGEST})),
        ("`py.typed`", "inside" if "nuhist/py.typed" in wheel else "MISSING"),
    ])  # fmt: skip


def _contents(wheel: Path) -> Mapping[str, str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def bare(place: Place) -> str:
    """The wheel without extras: every command, versions, types, import time."""
    programs = environment(place.folder / "bare", place.python)
    run(programs / "pip", "install", "-q", place.wheel)
    work = place.work("bare")
    python, nuhist = programs / "python", programs / "nuhist"
    imported = run(python, "-c", "import nuhist; print(nuhist.__file__)", cwd=work).stdout
    done, named, problems = 0, 0, []
    for name in COMMANDS:
        ended = run(nuhist, *name.split(), *arguments(name), cwd=work, check=False)
        if name not in EXTRAS and ended.returncode == 0:
            done += 1
        elif name in EXTRAS and _names_extra(ended.returncode, ended.stdout, ended.stderr, EXTRAS[name]):
            named += 1
        else:
            problems.append(f"{name}: {ended.returncode} {ended.stderr.strip()}")
    asked = 0
    for name, (given, extra) in OPTIONS.items():
        ended = run(nuhist, *name.partition(" --")[0].split(), *given, cwd=work, check=False)
        if _names_extra(ended.returncode, ended.stdout, ended.stderr, extra):
            asked += 1
        else:
            problems.append(f"{name}: {ended.returncode} {ended.stderr.strip()}")
    cabinetry = run(python, "-c", CABINETRY, cwd=work, check=False).stderr.strip().splitlines()[-1]
    found = json.loads(run(nuhist, "limit", "--json", "lz.json", cwd=work).stdout)
    metadata = "from importlib.metadata import version; print(version('nuhist'))"
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    said = {
        "--version": run(nuhist, "--version", cwd=work).stdout.split()[-1],
        "metadata": run(python, "-c", metadata, cwd=work).stdout.strip(),
        "results": found["nuhist_version"],
        "sidecars": json.loads((work / "lz.meta.json").read_text(encoding="utf-8"))["nuhist_version"],
        "CITATION.cff": citation.partition("\nversion: ")[2].split()[0],
        "the code": __version__,
    }
    from_sdist = environment(place.folder / "sdist", place.python)
    run(from_sdist / "pip", "install", "-q", place.sdist)
    again = json.loads(run(from_sdist / "nuhist", "limit", "--json", "lz.json", cwd=work).stdout)
    times = [float(run(python, "-c", IMPORT, cwd=work).stdout) for _ in range(RUNS)]
    longer = [float(run(python, "-c", EVERYTHING, cwd=work).stdout) for _ in range(RUNS)]
    return "## Without extras\n\nInstalled with pip.\n\n" + table([
        ("imported from", "the environment" if str(place.folder) in imported else f"ELSEWHERE: {imported}"),
        ("commands that end with 0", f"{done} of {len(COMMANDS)}"),
        ("commands that end with 1 and one line with the `pip install` of their extra", str(named)),
        ("options that do so", f"{asked} of {len(OPTIONS)}"),
        ("other outcomes", "; ".join(problems) or "none"),
        ("cabinetry's objects, from Python", f"`{cabinetry}`"),
        ("the limit with the sdist installed", "the same" if again == found else f"OTHER: {again}"),
        ("version", "; ".join(f"{version} ({where})" for where, version in said.items())),
        ("`pip check`", run(programs / "pip", "check", check=False).stdout.strip()),
        ("`mypy --strict` from outside, right calls", _mypy(place, python, work, TYPED)),
        ("`mypy --strict` from outside, four wrong ones", _mypy(place, python, work, WRONG)),
        ("CPU time of `import nuhist` after NumPy", cpu_time(times)),
        ("the same, and all public names used once", cpu_time(longer)),
    ])  # fmt: skip


def _names_extra(code: int, printed: str, said: str, extra: str) -> bool:
    line = rf"nuhist: .*; pip install 'nuhist\[{extra}\]'\n"
    return (code, printed) == (1, "") and bool(re.fullmatch(line, said))


def _mypy(place: Place, python: Path, work: Path, script: str) -> str:
    (work / "outside.py").write_text(script, encoding="utf-8")
    options = ("--strict", "--no-color-output", "--cache-dir", place.folder / "mypy")
    ended = run(
        place.tools / "mypy", *options, "--python-executable", python, "outside.py", cwd=work, check=False
    )
    lines = [line for line in ended.stdout.splitlines() if ": note:" not in line]
    return "; ".join(line.removeprefix("outside.py:") for line in lines)


def cpu_time(times: Sequence[float]) -> str:
    """Median and largest, in milliseconds."""
    middle, most = (f"{1000 * value:.1f} ms" for value in (statistics.median(times), max(times)))
    return f"{middle} (median of {len(times)} processes; largest {most})"


def extras(place: Place) -> str:
    """The wheel with one extra alone, in an environment for each: what needs it runs."""
    rows = []
    for extra in dict.fromkeys(
        (*EXTRAS.values(), *(each for _, each in OPTIONS.values()), "cabinetry", "pandas")
    ):
        programs = place.install(extra, f"nuhist[{extra}] @ file://{place.wheel}")
        work = place.work(extra)
        ran, problems = [], []
        for name, command in _of(extra, programs):
            ended = run(*command, cwd=work, check=False)
            ran.append(name)
            if ended.returncode:
                problems.append(f"{name}: {ended.stderr.strip()}")
        check = run(programs / "python", "-m", "pip", "check", check=False).stdout.strip()
        rows.append((f"`{extra}`", f"{', '.join(ran)}", "; ".join(problems) or "all end with 0", check))
        if extra == "plot":
            main = _main_job(programs, work)
    text = f"## Each extra alone\n\nThe main job, `{MAIN_JOB}`, from the wheel with `plot`: {main}\n\n"
    return text + table(rows, ("extra", "what ran", "how it ended", "`pip check`"))


MAIN_JOB = "scripts/quickstart.sh"


def _of(extra: str, programs: Path) -> list[tuple[str, Sequence[object]]]:
    """Commands that need an extra, with their arguments."""
    nuhist = programs / "nuhist"
    found: list[tuple[str, Sequence[object]]] = [
        (name, (nuhist, *name.split(), *arguments(name))) for name in COMMANDS if EXTRAS.get(name) == extra
    ]
    for name, (given, needed) in OPTIONS.items():
        command = (nuhist, *name.partition(" --")[0].split(), *given)
        if needed == extra == "dask":
            found.append((name, (programs / "python", "-c", CLUSTER, *command)))
        elif needed == extra:
            found.append((name, command))
    if extra == "cabinetry":
        found.append(("`to_fit_results`, from Python", (programs / "python", "-c", CABINETRY)))
    if extra == "pandas":
        found.append(("`to_dataframe`, from Python", (programs / "python", "-c", PANDAS)))
    return found


def _main_job(programs: Path, work: Path) -> str:
    """The commands of the README's first script, and whether they print what the README shows."""
    script = (ROOT / MAIN_JOB).read_text(encoding="utf-8")
    (work / "out").mkdir()
    printed = ""
    for line in re.findall(r"^\$nuhist (.*)$", script, re.MULTILINE):
        printed = run(programs / "nuhist", *shlex.split(line), cwd=work).stdout
    (shown,) = re.findall(
        r"The first ends with\n\n```text\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
    )
    return "prints what the README shows." if printed.startswith(shown) else f"OTHER: {printed}"
