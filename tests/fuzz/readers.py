"""What reads files in nuhist, each with valid files to spoil."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import nuhist
from nuhist.files import to_json
from nuhist.histfactory.workspace import Workspace, load_workspace
from tests.fuzz import containers  # noqa: F401 - it adds kinds of mutations
from tests.fuzz.models import counting, described, every_modifier, paper, small, without

EXPERIMENTS = Path(nuhist.__file__).parent / "experiments"


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Attributes
    ----------
    name, title
        For the command line and the report.
    prepare
        Writes valid files into a folder.
    targets
        Files to spoil, with the kind of their mutations, see :data:`tests.fuzz.mutations.MUTATIONS`.
    read
        Called with the folder and the file that was spoiled. It may raise NuhistError, nothing else.
    writes
        Whether the reader may change the file itself, as a checkpoint is appended to.
    """

    name: str
    title: str
    prepare: Callable[[Path], None]
    targets: tuple[tuple[str, str], ...]
    read: Callable[[Path, str], object]
    writes: bool = False


# --- experiments and tables


def _copy_experiments(folder: Path) -> None:
    for name in ("lz_ws2022", "lz_ws2022_1droi"):
        shutil.copytree(EXPERIMENTS / name, folder / name)


def _build(folder: Path, target: str) -> object:
    return delivered(nuhist.build(folder / Path(target).parent, hypothesis="magnetic-moment"))


def _observed(folder: Path) -> None:
    (folder / "observed.csv").write_text(
        "# per bin\nbin,counts\n" + "".join(f"{n},{n % 5}\n" for n in range(19))
    )


def _read_observed(folder: Path, target: str) -> object:
    from nuhist.exchange.samples import read_observed
    from nuhist.experiments.data import read_counts

    read_observed(folder / target, 19)
    return read_counts(folder / target, nuhist.load_experiment("lz_ws2022_1droi"))


# --- workspaces


def _workspaces(folder: Path) -> None:
    paper().save(folder / "paper.json")
    (folder / "every.json").write_text(every_modifier().to_json(), encoding="utf-8")
    for seed in _SEEDS:
        (folder / f"model{seed}.json").write_text(small(seed).to_json(), encoding="utf-8")


_SEEDS = (5, 8, 13)
_WORKSPACES = (
    ("paper.json", "json"),
    ("every.json", "json"),
    *((f"model{seed}.json", "json") for seed in _SEEDS),
)


def _likelihood(workspace: Workspace) -> object:
    from nuhist.inference.prepare import make_likelihood

    likelihood = make_likelihood(workspace)
    return likelihood.twice_nll(likelihood.initial)


def _load(folder: Path, target: str) -> object:
    from nuhist.histfactory.summary import summarise

    workspace = load_workspace(folder / target)
    return summarise(workspace).to_json(), _likelihood(workspace), delivered(workspace)


def _fit(folder: Path, target: str) -> object:
    return nuhist.fit(load_workspace(folder / target)).to_json()


def _combine(folder: Path, target: str) -> object:
    one = load_workspace(folder / target)
    interest = one.measurement()["config"]["poi"] or "mu"
    return delivered(nuhist.combine([one, counting(interest)], correlate=[interest]))


def _export(folder: Path, target: str) -> object:
    from nuhist.exchange.hs3.write import hs3_document
    from nuhist.exchange.inference_interface.files import template_file_bytes
    from nuhist.exchange.inference_interface.write import channel_file
    from nuhist.exchange.root.write import export_root
    from nuhist.exchange.xml.write import xml_files

    workspace = load_workspace(folder / target)
    for channel in workspace.spec["channels"]:
        with suppress(nuhist.NuhistError):
            template_file_bytes(channel_file(workspace, channel["name"], "0"))
    tolerated(lambda: xml_files(workspace))
    tolerated(lambda: json.dumps(hs3_document(workspace)))
    tolerated(lambda: export_root(workspace))
    return workspace


def delivered(workspace: Workspace) -> object:
    """What the command line does with a workspace: its texts as bytes, and its digest."""
    sidecar = None if workspace.sidecar is None else to_json(workspace.sidecar).encode()
    return workspace.to_json().encode(), sidecar, workspace.digest


def tolerated(call: Callable[[], object]) -> None:
    """Call something that may raise NuhistError, and go on."""
    with suppress(nuhist.NuhistError):
        call()


def _sidecar(folder: Path) -> None:
    described().save(folder / "described.json")


def _read_sidecar(folder: Path, _target: str) -> object:
    from nuhist.histfactory.summary import summarise
    from nuhist.inference.spectrum import fitted_spectrum

    workspace = load_workspace(folder / "described.json")
    tolerated(lambda: nuhist.combine([workspace, counting("mu_nu_squared")]))
    tolerated(lambda: nuhist.fit(workspace).to_json())
    tolerated(lambda: fitted_spectrum(workspace).to_json())
    return summarise(workspace).to_json(), delivered(workspace)


def _patchset(folder: Path) -> None:
    grid = nuhist.build_patchset(
        "lz_ws2022", hypothesis="millicharge-epa", background="paper", couplings=[-1e-13, 0.0, 2e-13]
    )
    grid.save(folder / "grid")


def _read_patchset(folder: Path, _target: str) -> object:
    grid = nuhist.load(folder / "grid")
    assert isinstance(grid, nuhist.SignalGrid)
    return [_likelihood(grid.workspace(point)) for point in grid.points[:3]]


@cache
def _toys() -> Any:
    from nuhist.inference.prepare import make_likelihood
    from nuhist.inference.toys import Task, toy_model

    model = toy_model(make_likelihood(counting()))
    return model, [Task(model.initial, 1.0, 5, 1, batch) for batch in range(3)]


def _run_toys(path: Path) -> object:
    from nuhist.inference.execution import Execution, run

    model, tasks = _toys()
    results = run(model, tasks, Execution(toys=15, seed=1, resume=path), "a" * 64)
    assert [result[0].size for result in results] == [5, 5, 5], "a checkpoint gave other toys"
    return results


def _checkpoint(folder: Path) -> None:
    _run_toys(folder / "toys.checkpoint")
    lines = (folder / "toys.checkpoint").read_text().split("\n")
    (folder / "toys.checkpoint").write_text("\n".join(lines[:-1]))  # one batch is still to be done


# --- other formats


def _hdf5(folder: Path) -> None:
    from nuhist.exchange.inference_interface.write import export_templates

    export_templates(paper(), folder / "own.h5")
    shutil.copy(
        Path(__file__).parents[1] / "exchange" / "inference_interface" / "xenon_2d.h5", folder / "xenon.h5"
    )


def _read_hdf5(folder: Path, target: str) -> object:
    from nuhist.exchange.inference_interface.read import Source, import_templates

    source = [Source(folder / target)]
    if target == "own.h5":
        tolerated(lambda: delivered(import_templates(source)))
        return delivered(import_templates(source, asimov=True, ignore_metadata=True))
    tolerated(lambda: delivered(import_templates(source, asimov=True, axes=["ces", "r"], signal=["er"])))
    return delivered(
        import_templates(source, asimov=True, axes=["ces"], signal=["b8"], density=True, scale=2.0)
    )


def _alea(folder: Path) -> None:
    from tests.exchange.alea_models import write_model

    write_model(folder)
    (folder / "data.csv").write_text("cs2,bdt\n150,0.2\n310,0.9\n")


def _read_alea(folder: Path, target: str) -> object:
    """The model, its templates and events; a likelihood is not fitted for each."""
    from nuhist.exchange.alea.data import read_events
    from nuhist.exchange.alea.document import read_model
    from nuhist.exchange.alea.likelihood import AleaLikelihood, read_grids
    from nuhist.exchange.alea.mapping import HistFactoryMapping

    model = read_model(folder / "model.yaml", fixed={"wimp_rate_multiplier": 0, "t_ly": 1})
    data = "data.csv" if target == "data.csv" else "data.pkl"
    events = read_events([str(folder / data)], model, lambda _: None)
    likelihood = AleaLikelihood(model, read_grids(model), events.counts, events.measured)
    mapping = HistFactoryMapping(likelihood)
    mapping.parameters()
    return [mapping.samples(term) for term in model.terms], likelihood.log_likelihood()


def _root(folder: Path) -> None:
    from nuhist.exchange.root.histograms import root_file, th1d
    from nuhist.exchange.root.write import save_root

    save_root(paper(), folder / "own.root")
    edges = np.array([0.0, 1.0, 2.5, 4.0])
    counts = {
        "sr0/nu": [1.0, 2.0, 3.0], "sr0/nu_flux_Up": [1.1, 2.2, 3.3], "sr0/nu_flux_Down": [0.9, 1.8, 2.7],
        "sr0/beta": [5.0, 5.0, 4.0], "sr0/data": [6.0, 7.0, 8.0], "sr1/beta": [5.0, 5.0, 4.0],
        "sr1/data": [1.0, 0.0, 3.0],
    }  # fmt: skip
    contents = {path: th1d(np.array(values), edges, np.array(values) / 10) for path, values in counts.items()}
    (folder / "foreign.root").write_bytes(root_file(contents))


def _read_root(folder: Path, target: str) -> object:
    from nuhist.exchange.root.background import read_template
    from nuhist.exchange.root.read import import_root

    path = folder / target
    if target == "foreign.root":
        tolerated(lambda: read_template(f"beta={path}:sr0/beta"))
        return delivered(import_root(path, signal=["nu"]))
    tolerated(lambda: delivered(import_root(path, ignore_metadata=True)))
    return delivered(import_root(path))


def _xml(folder: Path) -> None:
    from nuhist.exchange.xml.write import export_xml

    export_xml(without(every_modifier(), "lumi"), folder / "xml")


def _read_xml(folder: Path, _target: str) -> object:
    from nuhist.exchange.xml.read import import_xml
    from nuhist.exchange.xml.write import DRIVER

    return delivered(import_xml(folder / "xml" / DRIVER))


def _hs3(folder: Path) -> None:
    from nuhist.exchange.hs3.write import export_hs3

    export_hs3(without(every_modifier(), "lumi", "bins"), folder / "every.json")
    export_hs3(paper(), folder / "paper.json")
    document = json.loads((folder / "paper.json").read_text(encoding="utf-8"))
    for distribution in document["distributions"]:  # as RooFit writes bins of one width
        for axis in distribution.get("axes", ()):
            edges = axis.pop("edges")
            axis |= {"min": edges[0], "max": edges[-1], "nbins": len(edges) - 1}
    (folder / "bins.json").write_text(json.dumps(document), encoding="utf-8")


def _read_hs3(folder: Path, target: str) -> object:
    from nuhist.exchange.hs3.read import import_hs3

    return delivered(import_hs3(folder / target))


def _hepdata(folder: Path) -> None:
    from nuhist.exchange.hepdata.submission import build_submission

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hepdata_lib's
        build_submission({"counting": counting()}, folder / "record", data_license="MIT")
    shutil.copy(folder / "record" / "likelihoods.tar.gz", folder)


def _validate_hepdata(folder: Path, target: str) -> object:
    from nuhist.exchange.hepdata.validation import validate_submission

    path = folder / target
    return validate_submission(path.parent if target.startswith("record/") else path).to_json()


def _targets(folder: str, names: tuple[str, ...], kind: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"{folder}/{name}", kind) for name in names)


_LZ_TABLES = (
    "er_efficiency.csv",
    "events.csv",
    "fig6_background_density.csv",
    "table1.csv",
    "xe136_2nubb.csv",
)
_ROI_TABLES = ("er_efficiency.csv", "spectrum.csv")

_GRID = tuple((f"grid/{name}", "json") for name in ("patchset.json", "BkgOnly.json", "BkgOnly.meta.json"))
_XML = (
    *_targets("xml", ("combination.xml", "channel_one.xml", "channel_two.xml"), "xml"),
    ("xml/data.root", "root"),
)
_HEPDATA = (
    ("record.tar.gz", "tar"),
    ("likelihoods.tar.gz", "tar"),
    ("record/submission.yaml", "yaml"),
    ("record/limits_mu.yaml", "yaml"),
    ("record/likelihoods.tar.gz", "tar"),
)
_ENTRIES: tuple[Reader, ...] = (
    Reader(
        "experiment",
        "experiment.yaml, built into a workspace",
        _copy_experiments,
        (("lz_ws2022_1droi/experiment.yaml", "yaml"), ("lz_ws2022/experiment.yaml", "yaml")),
        _build,
    ),
    Reader(
        "tables",
        "CSV tables of an experiment, built into a workspace",
        _copy_experiments,
        (*_targets("lz_ws2022_1droi", _ROI_TABLES, "csv"), *_targets("lz_ws2022", _LZ_TABLES, "csv")),
        _build,
    ),
    Reader("observed", "observed counts (CSV)", _observed, (("observed.csv", "csv"),), _read_observed),
    Reader("workspace", "workspace, its summary and its likelihood", _workspaces, _WORKSPACES, _load),
    Reader("fit", "workspace, fitted", _workspaces, _WORKSPACES[1:], _fit),
    Reader("combine", "workspace, combined with another one", _workspaces, _WORKSPACES, _combine),
    Reader("export", "workspace, written as ROOT, XML, HS3 and HDF5", _workspaces, _WORKSPACES, _export),
    Reader(
        "sidecar",
        "sidecar, then a fit, a figure's numbers and a combination",
        _sidecar,
        (("described.meta.json", "json"),),
        _read_sidecar,
    ),
    Reader("patchset", "folder with a PatchSet, all its likelihoods", _patchset, _GRID, _read_patchset),
    Reader(
        "checkpoint",
        "checkpoint of toys (--resume)",
        _checkpoint,
        (("toys.checkpoint", "checkpoint"),),
        lambda folder, target: _run_toys(folder / target),
        writes=True,
    ),
    Reader(
        "hdf5",
        "HDF5 templates of inference_interface",
        _hdf5,
        (("own.h5", "hdf5"), ("xenon.h5", "hdf5")),
        _read_hdf5,
    ),
    Reader(
        "alea",
        "models of alea: YAML, templates, events",
        _alea,
        (("model.yaml", "yaml"), ("ac.h5", "hdf5"), ("data.pkl", "bytes"), ("data.csv", "csv")),
        _read_alea,
    ),
    Reader("root", "ROOT templates", _root, (("own.root", "root"), ("foreign.root", "root")), _read_root),
    Reader("xml", "HistFactory XML", _xml, _XML, _read_xml),
    Reader(
        "hepdata",
        "HEPData submission, its archive and that of the likelihoods",
        _hepdata,
        _HEPDATA,
        _validate_hepdata,
    ),
    Reader(
        "hs3", "HS3", _hs3, (("every.json", "json"), ("paper.json", "json"), ("bins.json", "json")), _read_hs3
    ),
)
READERS: Mapping[str, Reader] = {reader.name: reader for reader in _ENTRIES}
