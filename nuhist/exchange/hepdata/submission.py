"""A whole HEPData submission: submission.yaml, tables, the likelihoods, and the archive to upload."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from nuhist.errors import ConfigError, DataError, ExchangeError, OptionError, missing_extra
from nuhist.exchange.hepdata.archive import pack
from nuhist.exchange.hepdata.columns import library
from nuhist.exchange.hepdata.first_document import first_document
from nuhist.exchange.hepdata.licenses import license_of
from nuhist.exchange.hepdata.likelihood import ARCHIVE_FILE, Likelihoods, likelihoods
from nuhist.exchange.hepdata.result_tables import result_tables
from nuhist.exchange.hepdata.study import study
from nuhist.exchange.hepdata.tables import submission_tables
from nuhist.files import make_folder
from nuhist.histfactory.data_kind import UNOBSERVED, describe
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.methods.result_files import Result
from nuhist.methods.sensitivity_results import Sensitivity

SUBMISSION_FILE = "submission.yaml"
ARCHIVE_ENDING = ".tar.gz"
LARGEST_UPLOAD = 50_000_000  # bytes; HEPData's limit


@dataclass(frozen=True)
class Submission:
    """The submission that was written: its folder, its archive and what they hold.

    Attributes
    ----------
    folder, archive
        With submission.yaml, a YAML file per table, and the likelihoods; the same as one file for the upload.
    tables, files
        Names of the tables, and of the files in the archive with the likelihoods.
    notes
        What there is not, and why, by model.
    """

    folder: Path
    archive: Path
    tables: tuple[str, ...]
    files: tuple[str, ...]
    notes: tuple[str, ...]


def build_submission(
    models: Mapping[str, Workspace | SignalGrid],
    folder: Path,
    *,
    confidence_level: float = 0.90,
    inspire_id: int | None = None,
    abstract: str | None = None,
    data_license: str | None = None,
    allow_asimov: bool = False,
    results: Mapping[str, Result] | None = None,
    command: str | None = None,
) -> Submission:
    """Write a HEPData submission, whole or not at all.

    Parameters
    ----------
    models
        Workspaces and grids of signal points by name, from
        :func:`nuhist.exchange.hepdata.names.model_names`.
    folder
        Folder to write to, new or empty. The archive for the upload goes beside it as FOLDER.tar.gz.
    confidence_level
        Confidence level of the limits.
    inspire_id
        Number of the publication's INSPIRE record.
    abstract
        Plain text for HEPData's comment on all tables; by default what the submission holds.
    data_license
        Under which licence tables and likelihoods are published: ``"CC0-1.0"``, ``"CC-BY-4.0"`` or another
        one as ``"NAME=URL"``. By default the one that all channels state (``license`` in
        ``experiment.yaml``); where one states none, it has to be given.
    allow_asimov
        Take models whose data are Asimov or toys. Tables, README and abstract say so of them.
    results
        Exclusions, forecasts and contours by name, which get tables besides.
    command
        Command that makes the submission, for the README.

    Raises
    ------
    ConfigError
        If there is no model or one is there twice, an option makes no sense, a model has no observed
        data and ``allow_asimov`` is not given, or nobody says under which licence the data are.
    OptionError
        If it is given and does nothing.
    DataError
        If something is there already, cannot be written, or hepdata_lib is not installed.
    FitError, ModelError
        If a model cannot be fitted.
    ExchangeError
        If the result would be no valid submission.
    """
    given, folder = folder, folder.resolve()
    archive = folder.with_name(f"{folder.name}{ARCHIVE_ENDING}")
    _refuse_twice(models)
    # A forecast is of Asimov data in any case.
    found = {name: each for name, each in (results or {}).items() if not isinstance(each, Sensitivity)}
    _refuse_unobserved({**models, **found}, allowed=allow_asimov)
    _refuse_existing(folder, archive)
    library()  # before minutes of fits
    license = license_of(models, data_license)
    if inspire_id is not None and not 0 < inspire_id < 10**7:
        raise ConfigError(f"INSPIRE record {inspire_id}: must be a number of up to 7 digits, such as 2107834")
    record = None if inspire_id is None else f"ins{inspire_id:07d}"  # pyhf wants seven digits
    studies = [study(name, model, confidence_level, record) for name, model in models.items()]
    contents = likelihoods(studies, license, command)
    tables = submission_tables(studies, ARCHIVE_FILE)
    tables += result_tables(results or {}, tables)
    for each in tables:
        each.add_data_license(license.name, license.url)
    head = first_document(studies, contents, license, inspire_id, abstract)
    make_folder(folder.parent)
    try:
        workplace = Path(mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be made: {error.strerror}") from error
    try:
        made = workplace / folder.name
        _write(made, head, tables, contents)
        packed = pack({path.name: path.read_bytes() for path in made.iterdir()})
        if len(packed) > LARGEST_UPLOAD:
            raise ExchangeError(
                f"{archive.name}: has {len(packed) / 1e6:.0f} MB; HEPData takes 50 MB at most"
            )
        (workplace / archive.name).write_bytes(packed)
        _move(workplace, folder, archive)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return Submission(
        folder=given,
        archive=given.with_name(archive.name) if given.name == folder.name else archive,
        tables=tuple(table.name for table in tables),
        files=tuple(sorted(contents.members)),
        notes=tuple(f"{entry.name}: {note}" for entry in studies for note in entry.notes),
    )


def messages(folder: Path) -> list[str]:
    """What hepdata-validator finds wrong with a folder; nothing is fetched from the network."""
    with warnings.catch_warnings():
        # Of jsonschema.RefResolver, and of files that the validator leaves to be closed.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            from hepdata_validator.full_submission_validator import FullSubmissionValidator
        except ImportError as error:
            raise missing_extra("HEPData submissions", "hepdata-validator", "hepdata") from error
        validator = FullSubmissionValidator(autoload_remote_schemas=False)
        try:
            validator.validate(directory=str(folder))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # On what is no submission at all, such as a table that is a number.
            return [f"hepdata-validator stops: {type(error).__name__}: {' '.join(str(error).split())}"]
        found = validator.get_messages()
    return [
        f"{Path(file).name}: {' '.join(entry.message.split())}"
        for file, entries in found.items()
        for entry in entries
    ]


def _refuse_twice(models: Mapping[str, Workspace | SignalGrid]) -> None:
    if not models:
        raise ConfigError("name at least one workspace")
    known: dict[str, str] = {}
    for name, model in models.items():
        if model.digest in known:
            raise ConfigError(f"{known[model.digest]} and {name} are the same model; leave one out")
        known[model.digest] = name


def _refuse_unobserved(models: Mapping[str, Workspace | SignalGrid | Result], *, allowed: bool) -> None:
    kinds = {name: model.data_kind for name, model in models.items() if model.data_kind in UNOBSERVED}
    if allowed and not kinds:
        raise OptionError("allow_asimov=True: does nothing, since no model has Asimov data or toys")
    if kinds and not allowed:
        name, kind = next(iter(kinds.items()))
        raise ConfigError(
            f"{name}: its data are not observed ({describe(kind)}); build it with observed data, or add"
            " allow_asimov=True: tables, README and abstract then say what the data are"
        )


def _refuse_existing(folder: Path, archive: Path) -> None:
    if not folder.name or folder == Path.cwd():
        raise DataError(f"{folder}: cannot be the submission's folder; name one in it")
    if folder.is_dir() and not any(folder.iterdir()):
        pass
    elif folder.exists():
        raise DataError(f"{folder}: is there already; remove it, or name another folder")
    if archive.exists() or archive.is_symlink():
        raise DataError(f"{archive}: is there already; remove it, or name another folder")


def _write(folder: Path, head: dict[str, Any], tables: list[Any], contents: Likelihoods) -> None:
    """Write all files; hepdata_lib's own ``create_files`` would leave an archive where it is called."""
    import yaml

    folder.mkdir()
    (folder / ARCHIVE_FILE).write_bytes(pack(contents.members))
    text = yaml.safe_dump(head, sort_keys=False, explicit_start=True)
    (folder / SUBMISSION_FILE).write_text(text, encoding="utf-8")
    for table in tables:
        table.write_yaml(str(folder))
    wrong = messages(folder)
    if wrong:
        raise ExchangeError(f"{folder.name}: is no valid submission: {wrong[0]}")


def _move(workplace: Path, folder: Path, archive: Path) -> None:
    """Rename both into place, or none."""
    (workplace / archive.name).rename(archive)
    try:
        (workplace / folder.name).rename(folder)
    except BaseException:  # an interrupt too
        archive.unlink(missing_ok=True)
        raise
