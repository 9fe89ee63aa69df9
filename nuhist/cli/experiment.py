"""Commands about experiments and spectra."""

from __future__ import annotations

from typing import Any

import click

from nuhist.cli.common import allow_outside_option, as_json, hypothesis_options, remark_on
from nuhist.cli.options import command
from nuhist.cli.printing import print_json, print_table, say
from nuhist.physics.coupling import spaced


@command(epilog="Example: nuhist experiments lz_ws2022")
@click.argument("name", required=False)
@allow_outside_option
@as_json
def experiments(name: str | None, allow_outside: bool, json_output: bool) -> None:
    """List the bundled experiments, or describe one (a NAME or a folder)."""
    from nuhist.experiments.loading import bundled_experiments, load_experiments
    from nuhist.experiments.outside import of_packages
    from nuhist.experiments.sets import bundled_sets, members

    names = [*bundled_experiments(), *of_packages()] if name is None else [name]
    found = load_experiments(names, allow_outside=allow_outside)
    if json_output:
        described = [
            {
                "name": experiment.name,
                "title": experiment.title,
                "exposure_tonne_year": experiment.exposure,
                "edges_keV": [] if experiment.axes else experiment.edges.tolist(),
                "axes": [{"name": name, "edges": edges.tolist()} for name, edges in experiment.axes],
                "backgrounds": list(experiment.treatments),
                "default_background": experiment.default_background,
                "source": experiment.neutrino_source(experiment.treatment()).name,
                "target": experiment.target.name,
                "process": experiment.process,
                "license": experiment.license,
                "url": experiment.url,
                "sources": list(experiment.sources),
                "assumptions": list(experiment.assumptions),
            }
            for experiment in found
        ]
        print_json(described[0] if len(described) == 1 and name is not None else {"experiments": described})
        return
    print_table(
        ["name", "source", "target", "exposure", "bins", "range", "backgrounds"],
        [
            [
                experiment.name,
                experiment.neutrino_source(experiment.treatment()).name,
                experiment.target.name,
                f"{experiment.exposure:.3g} t yr",
                str(experiment.bins),
                f"{len(experiment.axes)} axes"
                if experiment.axes
                else f"{experiment.edges[0]:g}-{experiment.edges[-1]:g} keV",
                ", ".join(experiment.treatments),
            ]
            for experiment in found
        ],
        left=3,
    )
    for each in bundled_sets() if name is None else ():
        say(f"{each}: {', '.join(members(each))} together")
    for experiment in found if name is not None else ():
        say("", f"{experiment.title}")
        source = experiment.neutrino_source(experiment.treatment())
        say("", f"{experiment.process} scattering on {experiment.target.title}. {source.description}")
        terms = [text for text in (experiment.license, experiment.url) if text]
        for title, lines in (
            ("Licence", terms),
            ("Sources", experiment.sources),
            ("Assumptions", experiment.assumptions),
        ):
            if lines:
                say("", f"{title}")
            for line in lines:
                say(f"- {line}")


@command(epilog="Example: nuhist spectrum lz_ws2022 --hypothesis magnetic-moment --coupling 2.8e-11")
@click.argument("experiment")
@hypothesis_options
@click.option("--coupling", type=float, required=True, help="In μ_B, e₀ or cm².")
@click.option("--response", metavar="KIND", help="matrix, gaussian or none.")
@click.option(
    "--source", metavar="NAME[:KEY=VALUE,...]", help="Of the neutrinos [default: the experiment's]."
)
@click.option("--atomic", metavar="KIND", help="step or rrpa [default: the experiment's].")
@click.option("--neutrino-mass", type=float, metavar="EV", help="eV, in the EPA [default: 1].")
@allow_outside_option
@as_json
def spectrum(
    experiment: str,
    hypothesis: str,
    flavor: str,
    coupling: float,
    response: str | None,
    source: str | None,
    atomic: str | None,
    neutrino_mass: float | None,
    allow_outside: bool,
    json_output: bool,
) -> None:
    """Expected events per bin and recoil rates at one value of the coupling."""
    from nuhist.experiments.loading import load_experiment
    from nuhist.experiments.spectrum import spectrum as compute
    from nuhist.physics.hypotheses import RateOptions, get_hypothesis
    from nuhist.physics.recoils import refuse_unused_mass

    found = load_experiment(experiment, allow_outside=allow_outside)
    physics: dict[str, Any] = {"atomic": atomic or found.treatment().atomic}
    if neutrino_mass is not None:
        refuse_unused_mass(get_hypothesis(hypothesis))
        physics["neutrino_mass_ev"] = neutrino_mass
    result = compute(
        found,
        hypothesis=hypothesis,
        flavor=flavor,  # type: ignore[arg-type]  # checked by the library
        coupling=coupling,
        response=response,  # type: ignore[arg-type]
        source=source,
        options=RateOptions(**physics),
    )
    remark_on(hypothesis)
    if json_output:
        print_json(result.to_json())
        return
    if found.axes:
        rows = [
            [str(number), f"{standard:.5f}", f"{added:.5f}"]
            for number, (standard, added) in enumerate(zip(result.standard_model, result.added, strict=True))
        ]
        total = ["total", f"{result.standard_model.sum():.5f}", f"{result.added.sum():.5f}"]
        say(
            f"{result.experiment}: {result.hypothesis} ({result.flavor}) = {result.coupling:g}"
            f"{spaced(result.unit)}; events per bin of {', '.join(name for name, _ in found.axes)}"
        )
        print_table(["bin", "SM", "added"], [*rows, total], left=0)
        return
    rows = [
        [f"{low:.3f}", f"{high:.3f}", f"{standard:.4f}", f"{added:.4f}", f"{rate:.4f}", f"{more:.4f}"]
        for low, high, standard, added, rate, more in zip(
            result.edges[:-1],
            result.edges[1:],
            result.standard_model,
            result.added,
            result.standard_model_rate,
            result.added_rate,
            strict=True,
        )
    ]
    total = [
        "total", "", f"{result.standard_model.sum():.4f}", f"{result.added.sum():.4f}", "", ""
    ]  # fmt: skip
    say(
        f"{result.experiment}: {result.hypothesis} ({result.flavor}) = {result.coupling:g}"
        f"{spaced(result.unit)}; events per bin, and dR/dT in events/(t yr keV) at its centre"
    )
    print_table(["low/keV", "high/keV", "SM", "added", "dR/dT SM", "added"], [*rows, total], left=0)
