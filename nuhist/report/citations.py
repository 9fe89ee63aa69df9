"""What to cite: BibTeX for nuhist, pyhf, the paper, and the sources that workspaces name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nuhist.__about__ import RELEASED, __version__
from nuhist.physics.hypotheses import find_parameter, get_hypothesis, title_of
from nuhist.physics.rate_options import ELECTRON

if TYPE_CHECKING:
    from nuhist.histfactory.workspace import Workspace

_PAPER = "2207.05036"  # the scattering of neutrinos, and the results that nuhist compares with
_ARXIV = re.compile(r"(?<![\d.])\d{4}\.\d{4,5}(?![\d.]\d)|[a-z-]+/\d{7}(?!\d)")
_DOI = re.compile(r"(?i:doi:\s*|doi\.org/)(10\.\d{4,9}/[^\s,;\"{}\\]*[\w/])")
_HEPDATA = re.compile(r"\bins\d{7}\b")
_KEY = re.compile(r"@\w+\{arXiv:(?P<number>[^,]+),")
_NUHIST = f"""\
@software{{nuhist,
  author = {{{{nuhist developers}}}},
  title = {{{{nuhist: from neutrino cross sections to HistFactory likelihoods that anyone can fit}}}},
  version = {{{__version__}}},
  year = {{{RELEASED[:4]}}}
}}"""


def citations(workspaces: Sequence[Workspace] = ()) -> str:
    """Cite all that went into workspaces: BibTeX, one entry after the other.

    Papers are found by the arXiv numbers, data by the HEPData records and DOIs, in what the hypotheses cite,
    the sources of each channel and the meanings of the parameters. A channel that says nothing takes the
    sources of the bundled experiment of its name, or else gets a comment. Papers that nuhist does not know
    have their number only.

    Parameters
    ----------
    workspaces
        Those whose data were used. Those that nuhist built have neutrinos that scatter on electrons as in
        arXiv:2207.05036; without any workspace that is cited, too.
    """
    entries = [_NUHIST, _pyhf()]
    texts = [] if workspaces else [f"arXiv:{_PAPER}"]
    unknown: list[str] = []
    for workspace in workspaces:
        sidecar = workspace.sidecar or {}
        channels = sidecar.get("channels", {}).values()
        if any("neutrino_source" in each and each.get("process", ELECTRON) == ELECTRON for each in channels):
            texts.append(f"arXiv:{_PAPER}")
        texts += _of_hypotheses(sidecar)
        texts += (entry["meaning"] for entry in sidecar.get("parameters", {}).values())
        for channel in workspace.spec["channels"]:
            found = _sources(workspace, channel["name"])
            texts += found
            if not found:
                unknown.append(f"{workspace.origin}, channel {channel['name']}")
    numbers = dict.fromkeys(number for text in texts for number in _numbers(text))
    entries += map(_paper, numbers)
    records = dict.fromkeys(record for text in texts for record in _HEPDATA.findall(text))
    entries += (_hepdata(record) for record in records)
    entries += (_doi(each) for each in dict.fromkeys(doi for text in texts for doi in _DOI.findall(text)))
    # BibTeX ignores what stands outside of entries; an @ would begin one.
    entries += (f"% no source is known of {_one_line(name)}: cite whose data it holds" for name in unknown)
    return "\n\n".join(entries) + "\n"


def _of_hypotheses(sidecar: Mapping[str, Any]) -> Iterator[str]:
    """What the hypotheses of a workspace cite: as its sidecar says, or else as the catalogue does."""
    interest = {**sidecar, "coupling": sidecar.get("poi", {})}
    for entry in (interest, *sidecar.get("further", ())):
        found = find_parameter(entry["coupling"].get("name", ""))
        if "cited" in entry:
            yield entry["cited"]
        elif "hypothesis" in entry and title_of(entry["hypothesis"]) is not None:
            yield get_hypothesis(entry["hypothesis"]).cited
        elif "hypothesis" not in entry and found is not None:
            yield found[0].cited


def _sources(workspace: Workspace, channel: str) -> list[str]:
    """What a channel says of its data, or what the bundled experiment of its name says."""
    known = (workspace.sidecar or {}).get("channels", {}).get(channel, {})
    if known.get("sources"):
        return [*known["sources"], *known.get("templates", {}).values()]
    from nuhist.experiments.loading import bundled_experiments, load_experiment

    return list(load_experiment(channel).sources) if channel in bundled_experiments() else []


def _numbers(text: str) -> Iterator[str]:
    """ArXiv numbers of a text, which stand behind ``arXiv:``."""
    for part in re.split(r"arXiv:", text, flags=re.IGNORECASE)[1:]:
        found = _ARXIV.match(part)
        if found:
            yield found.group()


@cache
def _known() -> dict[str, str]:
    """Entries by arXiv number."""
    table = files("nuhist.report") / "tables" / "references.bib"
    entries = re.split(r"\n(?=@)", table.read_text(encoding="utf-8"))
    return {found["number"]: entry.strip() for entry in entries if (found := _KEY.match(entry))}


def _paper(number: str) -> str:
    unknown = f"@misc{{arXiv:{number},\n  eprint = {{{number}}},\n  archivePrefix = {{arXiv}}\n}}"
    return _known().get(number, unknown)


def _hepdata(record: str) -> str:
    address = f"https://www.hepdata.net/record/{record}"
    return f"@misc{{HEPData:{record},\n  title = {{{{HEPData record {record}}}}},\n  url = {{{address}}}\n}}"


def _doi(doi: str) -> str:
    return f"@misc{{doi:{doi},\n  doi = {{{doi}}},\n  url = {{https://doi.org/{doi}}}\n}}"


def _pyhf() -> str:
    """Pyhf's own entries, from its package: importing it takes a second."""
    found = find_spec("pyhf")
    folder = Path(found.origin).parent if found and found.origin else Path()
    return (folder / "data" / "citation.bib").read_text(encoding="utf-8").strip()


def _one_line(text: str) -> str:
    return " ".join(text.replace("@", " at ").split())
