"""One word for one thing: the options of the shell and the arguments of Python, walked side by side."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import click
import pytest

import nuhist
from nuhist.methods.registry import methods
from tests.every_command import commands, parameters

# A command, the function that it calls, and the classes whose fields the function takes as well.
PAIRS: Mapping[str, tuple[Callable[..., Any], tuple[type[Any], ...]]] = {
    "fit": (nuhist.fit, ()),
    "scan": (nuhist.scan, ()),
    "limit": (nuhist.limit, (nuhist.Execution, *methods().values())),
    "significance": (nuhist.significance, (nuhist.Execution,)),
    "gof": (nuhist.goodness_of_fit, (nuhist.Execution,)),
    "ranking": (nuhist.ranking, ()),
    "contour": (nuhist.contour, ()),
    "coverage": (nuhist.coverage, (nuhist.Execution,)),
    "exclusion": (nuhist.exclusion, (nuhist.Execution, nuhist.BuildOptions)),
    "sensitivity": (nuhist.sensitivity, (nuhist.Execution, nuhist.BuildOptions)),
    "build": (nuhist.build, (nuhist.BuildOptions,)),
    "patchset": (nuhist.build_patchset, (nuhist.BuildOptions,)),
    "combine": (nuhist.combine, ()),
    "spectrum": (nuhist.spectrum, ()),
    "reproduce": (nuhist.reproduce, ()),
}
# Words that differ, each for a reason: the shell's, and Python's.
DIFFERENT: Mapping[str, tuple[str, ...]] = {
    "ntoys": ("toys",),  # pyhf's option
    "range": ("couplings", "points"),  # LO:HI:N makes the list
    "grid": ("couplings",),  # so does this
    "parameters": ("x", "y"),  # two with a comma
    "template": ("templates",),  # one each time that it is given
    "fix": ("fixed",),  # one each time; a model has fixed parameters
}
# What only one of the two has: files and terminals, or objects of Python.
ONLY_SHELL = {"json", "output_file", "output_dir", "patch", "no_verify"}
ONLY_PYTHON = {"options", "choices", "command", "message", "progress", "execution", "data", "verify"}
# Words with two kinds of values.
TWO_KINDS: Mapping[str, set[str]] = {
    "asimov": {"text", "flag"},  # of commands that fit a coupling; a flag where a model is made
    "exposure": {"float", "text"},  # a range of them in a forecast
    "coupling": {"float", "text"},  # of several hypotheses in one figure with their names
}
# What a function takes by another way than its arguments.
ELSEWHERE: Mapping[str, set[str]] = {
    "combine": {"plan", "correlations"},  # functions of nuhist.histfactory.combination_plan
    "reproduce": {"experiments", "plots", "markdown"},  # other functions of its module
    "spectrum": {"atomic", "neutrino_mass"},  # in RateOptions
}
# Fields of an Execution or of BuildOptions that do nothing there.
UNUSED: Mapping[str, set[str]] = {
    "exclusion": {"toys", "seed", "toys_at"},
    "sensitivity": {"toys_at", "observed", "asimov"},
}
SUBJECTS = {
    "sources",
    "model",
    "experiments",
    "experiment",
    "workspaces",
    "workspace",
}  # what it is all about
OF_MODELS = {*inspect.signature(nuhist.Model).parameters} - {"source"}


def word(option: click.Option) -> str:
    """The name that an option shows, as Python writes it."""
    return option.opts[-1].removeprefix("--").replace("-", "_")


def shell_words(name: str) -> set[str]:
    """Of a command."""
    return {word(entry) for entry in parameters(commands()[name]) if isinstance(entry, click.Option)}


def python_words(name: str) -> set[str]:
    """Of its function."""
    function, classes = PAIRS[name]
    found = set(inspect.signature(function).parameters) - SUBJECTS
    return found.union(*({field.name for field in fields(each)} for each in classes))


@pytest.mark.parametrize("name", PAIRS)
def test_what_the_shell_says_python_says(name: str) -> None:
    known = python_words(name)
    if "model" in inspect.signature(PAIRS[name][0]).parameters:
        known |= OF_MODELS | {"asimov"}  # a method of models
    for said in shell_words(name) - ONLY_SHELL - ELSEWHERE.get(name, set()):
        assert said in known or known & set(DIFFERENT.get(said, ())), said


@pytest.mark.parametrize("name", PAIRS)
def test_what_python_says_the_shell_says(name: str) -> None:
    known = shell_words(name)
    for said in known & set(DIFFERENT):
        known |= set(DIFFERENT[said])
    assert python_words(name) - known <= ONLY_PYTHON | UNUSED.get(name, set())


def test_every_difference_is_one() -> None:
    said = set().union(*map(shell_words, PAIRS))
    heard = set().union(*map(python_words, PAIRS)) | OF_MODELS
    assert set(DIFFERENT) <= said
    assert {each for words in DIFFERENT.values() for each in words} <= heard
    assert said >= {"json", "output_file", "output_dir"}


def test_a_word_has_one_kind_of_value_in_all_commands() -> None:
    kinds: dict[str, dict[str, set[str]]] = {}
    for name, command in commands().items():
        for entry in parameters(command):
            if isinstance(entry, click.Option):
                kind = "flag" if entry.is_flag else entry.type.name
                kinds.setdefault(word(entry), {}).setdefault(kind, set()).add(name)
    several = {said: found for said, found in kinds.items() if len(found) > 1}
    assert {said: {*found} for said, found in several.items()} == TWO_KINDS


def test_levels_have_the_word_of_python_and_a_short_form() -> None:
    found = []
    for name, command in commands().items():
        for entry in parameters(command):
            if entry.name == "confidence_level":
                assert entry.opts == ["--cl", "--confidence-level"], name
                found.append(name)
    assert {"limit", "coverage", "plot cls", "report", "hepdata build"} <= set(found)
