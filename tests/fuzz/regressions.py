"""Inputs that fuzzing has found, kept as files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """A file in the folder inputs, the reader and its target that it stands for, and what it did.

    A file whose name ends in ``.line`` is added to the valid target instead of taking its place.
    """

    file: str
    reader: str
    target: str
    what: str


_ROI = "lz_ws2022_1droi/experiment.yaml"
_EFFICIENCY = "lz_ws2022_1droi/er_efficiency.csv"
_TOYS = "toys.checkpoint"
_SIDECAR = "described.meta.json"

FOUND: tuple[Found, ...] = (
    Found("workspace_long_integer.json", "workspace", "paper.json", "ValueError: an integer of 4301 digits"),
    Found("workspace_lone_surrogate.json", "workspace", "every.json", "UnicodeEncodeError: half a character"),
    Found(
        "workspace_integer_beyond_64_bits.json",
        "workspace",
        "every.json",
        "TypeError: 10³⁰ as an integer in a normsys",
    ),
    Found("fit_two_bounds.json", "fit", "every.json", "ValueError: two pairs of bounds for one parameter"),
    Found("fit_enormous_count.json", "fit", "model5.json", "ValueError: 10³⁰² observed events"),
    Found(
        "export_integer_beyond_64_bits.json", "export", "every.json", "ValueError: 10³⁰ as an integer count"
    ),
    Found("export_long_name.json", "export", "every.json", "struct.error: a name too long for ROOT"),
    Found("experiment_integer_beyond_64_bits.yaml", "experiment", _ROI, "TypeError: 10³⁰ keV as an integer"),
    Found("experiment_bins_with_a_fraction.yaml", "experiment", _ROI, "TypeError: 19.0 bins"),
    Found("experiment_no_timestamp.yaml", "experiment", _ROI, "AttributeError: !!timestamp yesterday"),
    Found("experiment_aliases.yaml", "experiment", _ROI, "never done: aliases of aliases, 9⁹ entries"),
    Found("tables_energy_without_end.csv", "tables", _EFFICIENCY, "MemoryError: an efficiency up to 10⁶ keV"),
    Found(
        "tables_energy_beyond_integers.csv",
        "tables",
        _EFFICIENCY,
        "ValueError: an efficiency up to 10³⁰⁰ keV",
    ),
    Found("tables_long_cell.csv", "tables", "lz_ws2022/er_efficiency.csv", "2 GB: a cell of 100,000 letters"),
    Found("root_many_keys.root", "root", "foreign.root", "hours: a damaged number of keys"),
    Found("xml_long_file_name.xml", "xml", "xml/channel_two.xml", "OSError: a file name of 300 letters"),
    Found(
        "xml_long_input.xml", "xml", "xml/combination.xml", "OSError: a channel's file name of 300 letters"
    ),
    Found(
        "xml_name_that_is_a_list.root", "xml", "xml/data.root", "TypeError: a staterror's name that is a list"
    ),
    Found(
        "xml_block_named_by_a_list.root",
        "xml",
        "xml/data.root",
        "TypeError: a parameter's name that is a list",
    ),
    Found("xml_block_without_name.root", "xml", "xml/data.root", "KeyError: a parameter without a name"),
    Found("hs3_nothing_in_it.json", "hs3", "every.json", "StopIteration: no parameter points"),
    Found("hs3_bins_beyond_memory.json", "hs3", "bins.json", "MemoryError: 10¹² bins"),
    Found("hs3_integer_beyond_float.json", "hs3", "every.json", "OverflowError: 10⁴⁰⁰ as an edge"),
    Found(
        "hepdata_undefined_alias.yaml",
        "hepdata",
        "record/submission.yaml",
        "ComposerError: an alias of nothing",
    ),
    Found(
        "hepdata_table_is_a_number.yaml",
        "hepdata",
        "record/limits_mu.yaml",
        "TypeError: a table that is a number",
    ),
    Found(
        "patchset_integer_beyond_float.json",
        "patchset",
        "grid/patchset.json",
        "OverflowError: a value of 10⁴⁰⁰",
    ),
    Found(
        "sidecar_no_counts_per_event.json",
        "sidecar",
        _SIDECAR,
        "ZeroDivisionError: an event that counts nothing",
    ),
    Found("sidecar_infinite_scale.json", "sidecar", _SIDECAR, "ZeroDivisionError: a scale that is infinite"),
    Found(
        "sidecar_integer_beyond_float.json", "sidecar", _SIDECAR, "OverflowError: a reference of 10⁴⁰⁰ μ_B"
    ),
    Found("sidecar_deep.json", "sidecar", _SIDECAR, "RecursionError: options nested 900 deep"),
    Found("sidecar_lone_surrogate.json", "sidecar", _SIDECAR, "UnicodeEncodeError: half a character"),
    Found("checkpoint_no_task.line", "checkpoint", _TOYS, "KeyError: a line without its batch"),
    Found("checkpoint_no_result.line", "checkpoint", _TOYS, "KeyError: a line without its numbers"),
    Found("checkpoint_task_is_a_fraction.line", "checkpoint", _TOYS, "TypeError: batch 2.5"),
    Found("checkpoint_task_is_a_list.line", "checkpoint", _TOYS, "TypeError: batch [2]"),
    Found("checkpoint_task_beyond.line", "checkpoint", _TOYS, "IndexError: batch 99 of 3"),
    Found("checkpoint_other_number_of_toys.line", "checkpoint", _TOYS, "taken: one toy instead of five"),
    Found("checkpoint_cut_number.line", "checkpoint", _TOYS, "ValueError: three bytes of a number"),
    Found("checkpoint_no_base64.line", "checkpoint", _TOYS, "binascii.Error: one letter of base64"),
    Found("checkpoint_result_is_a_number.line", "checkpoint", _TOYS, "TypeError: a number instead of base64"),
    Found("checkpoint_lone_surrogate.line", "checkpoint", _TOYS, "UnicodeEncodeError: half a character"),
    Found("checkpoint_deep.line", "checkpoint", _TOYS, "RecursionError: 100,000 brackets"),
)
