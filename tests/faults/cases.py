"""Commands that write files, what they read, and how to tell what a reader finds in their output."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nuhist.errors import NuhistError

LZ = ("lz_ws2022", "--background", "paper", "--hypothesis")
SHARED = "pp_flux,be7_flux,pep_flux,cno_flux,b8_flux,sin2_theta_12,delta_m2_21,atomic_response"
TOYS = ("limit", "a.json", "--method", "feldman-cousins")
CLS = ("limit", "a.json", "--method", "cls", "--calctype", "toybased")
# What others read, and the commands that make it.
INPUTS: Mapping[str, tuple[str, ...]] = {
    "a.json": ("build", *LZ, "magnetic-moment"),
    "b.json": ("build", *LZ, "magnetic-moment", "--flavor", "mu", "--asimov"),
    "lz.json": ("build", "lz_ws2022", "--hypothesis", "magnetic-moment"),
    "xenonnt.json": ("build", "xenonnt_sr0", "--hypothesis", "magnetic-moment"),
    "joint.json": ("combine", "lz.json", "xenonnt.json", "--correlate", SHARED),
    "a.root": ("export", "root", "a.json"),
    "a_xml": ("export", "xml", "a.json"),
    "a.hs3.json": ("export", "hs3", "a.json"),
    "a.h5": ("export", "inference-interface", "a.json"),
}


@dataclass(frozen=True)
class Case:
    """A command that writes.

    Attributes
    ----------
    new
        Its arguments; ``OUT/`` stands for the watched folder.
    old
        The command that was run there before, if any.
    read
        What a reader finds in the folder, as a text: the digest of a model, or of the bytes.
    inputs
        Of :data:`INPUTS`.
    slow
        So that the next run is tried from a few states only.
    """

    new: tuple[str, ...]
    old: tuple[str, ...] | None
    read: Callable[[Path], str]
    inputs: tuple[str, ...] = ()
    slow: bool = False


def workspace(name: str) -> Callable[[Path], str]:
    """Digest of a workspace, and whether its sidecar belongs to it."""

    def read(folder: Path) -> str:
        from nuhist.histfactory.workspace import load_workspace

        if not (folder / name).exists():
            return "nothing"
        found = load_workspace(folder / name)
        return f"{found.digest} {'with' if found.sidecar else 'without'} sidecar"

    return read


def grid(folder: Path) -> str:
    """Digest of a folder with a PatchSet, and its points."""
    from nuhist.histfactory.loading import load

    if not (folder / "grid" / "patchset.json").exists():
        return "nothing"
    found = load(folder / "grid")
    return f"{found.digest} {hashlib.sha256(repr(vars(found)).encode()).hexdigest()}"


def root(folder: Path) -> str:
    """What ``import root`` makes of it, and the text of the configuration beside it."""
    from nuhist.exchange.root.read import import_root

    if not (folder / "w.root").exists():
        return "nothing"
    text = folder / "w.yml"
    return f"{import_root(folder / 'w.root').digest} {_bytes(text)}"


def xml(folder: Path) -> str:
    """What ``import xml`` makes of it."""
    from nuhist.exchange.xml.read import import_xml

    if not (folder / "xml" / "combination.xml").exists():
        return "nothing"
    return import_xml(folder / "xml" / "combination.xml").digest


def hs3(folder: Path) -> str:
    """What ``import hs3`` makes of it."""
    from nuhist.exchange.hs3.read import import_hs3

    return import_hs3(folder / "w.hs3.json").digest if (folder / "w.hs3.json").exists() else "nothing"


def templates(*names: str) -> Callable[[Path], str]:
    """What ``import inference-interface`` makes of them."""

    def read(folder: Path) -> str:
        from nuhist.exchange.inference_interface.read import Source, import_templates

        present = [folder / name for name in names if (folder / name).exists()]
        return " ".join(import_templates([Source(path)]).digest for path in present) or "nothing"

    return read


def files(*names: str) -> Callable[[Path], str]:
    """The bytes of files."""
    return lambda folder: " ".join(_bytes(folder / name) for name in names)


def submission(folder: Path) -> str:
    """Files of a submission, and the archive."""
    made, archive = folder / "submission", folder / "submission.tar.gz"
    if not made.exists() and not archive.exists():
        return "nothing"
    return f"{sorted(path.name for path in made.glob('*'))} {archive.exists()}"


def rebuilt(folder: Path) -> str:
    """Digests that the index has."""
    index = folder / "workspaces" / "index.json"
    return hashlib.sha256(index.read_bytes()).hexdigest() if index.exists() else "nothing"


def nothing(folder: Path) -> str:
    """Not looked at: the result is on standard output."""
    return ""


def _bytes(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else "nothing"


def found(case: Case, folder: Path) -> str:
    """What a reader finds: a text, or ``refused:`` with the message."""
    try:
        return case.read(folder)
    except NuhistError as error:
        return f"refused: {error}"


def _grid(hypothesis: str, reach: str) -> tuple[str, ...]:
    return ("patchset", *LZ, hypothesis, f"--grid=-{reach}:{reach}:3", "-o", "OUT/grid")


def _workspace(*arguments: str) -> tuple[str, ...]:
    return (*arguments, "-o", "OUT/w.json")


_OLD = _workspace("build", *LZ, "standard-model")
CASES: Mapping[str, Case] = {
    "build": Case(_workspace("build", *LZ, "magnetic-moment"), _OLD, workspace("w.json")),
    "patchset": Case(_grid("millicharge-epa", "4e-13"), _grid("millicharge-fea", "3e-13"), grid),
    "combine": Case(
        _workspace("combine", "lz.json", "xenonnt.json", "--correlate", SHARED),
        _OLD,
        workspace("w.json"),
        ("lz.json", "xenonnt.json"),
    ),
    "export root": Case(
        ("export", "root", "a.json", "-o", "OUT/w.root", "--cabinetry", "OUT/w.yml"),
        ("export", "root", "b.json", "-o", "OUT/w.root", "--cabinetry", "OUT/w.yml"),
        root,
        ("a.json", "b.json"),
    ),
    "export xml": Case(
        ("export", "xml", "a.json", "-o", "OUT/xml"),
        ("export", "xml", "b.json", "-o", "OUT/xml"),
        xml,
        ("a.json", "b.json"),
    ),
    "export hs3": Case(
        ("export", "hs3", "a.json", "-o", "OUT/w.hs3.json"),
        ("export", "hs3", "b.json", "-o", "OUT/w.hs3.json"),
        hs3,
        ("a.json", "b.json"),
    ),
    "export inference-interface": Case(
        ("export", "inference-interface", "joint.json", "-o", "OUT/w.h5"),
        ("export", "inference-interface", "a.json", "-o", "OUT/w_lz_ws2022.h5"),
        templates("w_lz_ws2022.h5", "w_xenonnt_sr0.h5"),
        ("a.json", "lz.json", "xenonnt.json", "joint.json"),
    ),
    "import root": Case(
        _workspace("import", "root", "a.root"), _OLD, workspace("w.json"), ("a.json", "a.root")
    ),
    "import xml": Case(
        _workspace("import", "xml", "a_xml/combination.xml"), _OLD, workspace("w.json"), ("a.json", "a_xml")
    ),
    "import hs3": Case(
        _workspace("import", "hs3", "a.hs3.json"), _OLD, workspace("w.json"), ("a.json", "a.hs3.json")
    ),
    "import inference-interface": Case(
        _workspace("import", "inference-interface", "a.h5"), _OLD, workspace("w.json"), ("a.json", "a.h5")
    ),
    "limit --resume": Case(
        (*TOYS, "--ntoys", "1500", "--points", "3", "--json", "--resume", "OUT/checkpoint"),
        None,
        nothing,
        ("a.json",),
    ),
    "limit --method cls --resume": Case(
        (*CLS, "--ntoys", "1100", "--points", "2", "--json", "--resume", "OUT/checkpoint"),
        None,
        nothing,
        ("a.json",),
    ),
    "significance --resume": Case(
        ("significance", "a.json", "--ntoys", "1500", "--json", "--resume", "OUT/checkpoint"),
        None,
        nothing,
        ("a.json",),
    ),
    "gof --resume": Case(
        ("gof", "a.json", "--ntoys", "1500", "--json", "--resume", "OUT/checkpoint"),
        None,
        nothing,
        ("a.json",),
    ),
    "coverage --resume": Case(
        (
            "coverage",
            "a.json",
            "--range=0:1e-11:2",
            "--ntoys",
            "1000",
            "--json",
            "--resume",
            "OUT/checkpoint",
        ),
        None,
        nothing,
        ("a.json",),
    ),
    "plot": Case(
        ("plot", "spectrum", "a.json", "-o", "OUT/w.png"),
        ("plot", "spectrum", "b.json", "-o", "OUT/w.png"),
        files("w.png", "w.numbers.json"),
        ("a.json", "b.json"),
    ),
    "report": Case(
        ("report", "a.json", "--ntoys", "0", "-o", "OUT/w.html"),
        ("report", "b.json", "--ntoys", "0", "-o", "OUT/w.html"),
        lambda folder: json.dumps((folder / "w.html").exists()),
        ("a.json", "b.json"),
        slow=True,
    ),
    "hepdata build": Case(
        ("hepdata", "build", "a.json", "--data-license", "MIT", "-o", "OUT/submission"),
        None,
        submission,
        ("a.json",),
        slow=True,
    ),
    "reproduce": Case(
        ("reproduce", "--markdown", "--jobs", "1", "-o", "OUT/w.md", "--plots", "OUT/plots"),
        ("reproduce", "--experiments", "--markdown", "-o", "OUT/w.md"),
        files("w.md"),
        slow=True,
    ),
    "rebuild": Case(("rebuild", "--no-limits", "--jobs", "1", "OUT"), None, rebuilt, slow=True),
}
SHORT = {
    "build": 2,
    "export xml": 6,
    "significance --resume": 4,
}  # for the tests: faults at each nth operation
