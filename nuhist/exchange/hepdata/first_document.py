"""What a HEPData submission says of all its tables: an abstract, links, the likelihoods, the publication."""

from __future__ import annotations

from html import escape
from typing import Any

from nuhist.exchange.hepdata.columns import library
from nuhist.exchange.hepdata.licenses import License
from nuhist.exchange.hepdata.likelihood import ARCHIVE_FILE, RESULTS_FILE, Likelihoods
from nuhist.exchange.hepdata.readme import kind_of
from nuhist.exchange.hepdata.study import Study
from nuhist.experiments.loading import bundled_experiments, load_experiment
from nuhist.histfactory.data_kind import describe
from nuhist.histfactory.patchset import NO_RECORD
from nuhist.physics.coupling import spaced
from nuhist.physics.rate_options import ELECTRON

_KINDS = {
    "background-only workspace": "background-only workspaces",
    "signal points": "signal points",
    "workspace": "full workspaces",
    "sidecar": "bin edges and meanings",
}


def first_document(
    studies: list[Study],
    contents: Likelihoods,
    license: License,
    inspire_id: int | None,
    abstract: str | None,
) -> dict[str, Any]:
    """The first document of submission.yaml: what holds for all tables.

    Parameters
    ----------
    studies
        What was computed, of each model.
    contents
        Files of the archive with the likelihoods.
    license
        Under which they are published.
    inspire_id, abstract
        As of :func:`nuhist.build_submission`.
    """
    general = library().Submission()
    made_with = general.additional_resources
    general.additional_resources = []
    names = ", ".join(entry.name for entry in studies)
    general.add_additional_resource(
        f"Likelihoods in the HistFactory JSON format (pyhf) of {names}: {len(contents.members)} files with"
        f" {', '.join(_contents(contents))}, and a README with the expected results",
        ARCHIVE_FILE,
        file_type="HistFactory",
        resource_license=license.to_json(),
    )
    for record in _data_records(studies):
        general.add_link(
            f"HEPData record of data in use, {record}", f"https://www.hepdata.net/record/{record}"
        )
    general.additional_resources += made_with
    text = _abstract(studies) if abstract is None else abstract.strip()
    document: dict[str, Any] = {
        "comment": escape(text, quote=False),  # HEPData reads it as HTML
        "additional_resources": general.additional_resources,
    }
    if inspire_id is not None:
        document["record_ids"] = [{"type": "inspire", "id": inspire_id}]
    return document


def _data_records(studies: list[Study]) -> list[str]:
    """HEPData records that bundled experiments took their data from."""
    bundled = bundled_experiments()
    found: dict[str, None] = {}
    for entry in studies:
        for channel in (entry.workspace.sidecar or {}).get("channels", {}).values():
            if channel.get("experiment") in bundled:
                record = load_experiment(channel["experiment"]).hepdata
                if record is not None and record != NO_RECORD:
                    found[record] = None
    return list(found)


def _contents(contents: Likelihoods) -> list[str]:
    """What kinds of files there are, as a reader would say."""
    found = {kind_of(name) for name in contents.members if name.endswith(".json") and name != RESULTS_FILE}
    return [words for kind, words in _KINDS.items() if kind in found]


def _abstract(studies: list[Study]) -> str:
    """What the submission holds, where the user gives no abstract."""
    sidecars = [entry.workspace.sidecar or {} for entry in studies]
    ours = all("hypothesis" in each for each in sidecars)
    channels = [channel for each in sidecars for channel in each.get("channels", {}).values()]
    processes = {channel.get("process", ELECTRON) for channel in channels}
    recoils = sorted({"nucleus": "nuclear"}.get(each, each) for each in processes)
    subject = f" of {' and '.join(recoils)} recoils" if ours else ""
    lines = [f"Statistical models{subject} in the HistFactory format, with what follows from them."]
    for entry in studies:
        kind = entry.model.data_kind
        if kind != "observed":
            lines.append(f"Data of {entry.name}: {describe(kind)}.")
        for interval in entry.intervals:
            ends = {"below": interval.upper, "above": interval.lower}
            bounds = [
                f"{word} {end:.4g}{spaced(interval.unit)}" for word, end in ends.items() if end is not None
            ]
            lines.append(
                f"{entry.name}: {interval.coupling} {' and '.join(bounds) or 'without bound'} at"
                f" {interval.level.replace('CL', 'C.L.')} ({interval.method}), min_chi2"
                f" {interval.min_chi2:.2f}."
            )
    return " ".join(lines)
