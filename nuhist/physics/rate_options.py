"""Choices of the physics that are no hypotheses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from nuhist.errors import ConfigError, unknown_name
from nuhist.physics.form_factors import FORM_FACTOR_CHOICES, FormFactorChoice
from nuhist.physics.targets.nucleus import Nucleus
from nuhist.physics.targets.registry import get_target
from nuhist.physics.targets.target import Target
from nuhist.values import as_positive

Atomic = Literal["step", "rrpa"]
ATOMIC_CHOICES: tuple[Atomic, ...] = get_args(Atomic)
ELECTRON = "electron"  # the process that is meant unless another one is named


def _xenon() -> Target:
    return get_target("xenon")


@dataclass(frozen=True)
class RateOptions:
    """Choices of the physics that are no hypotheses: electrons in atoms, target, process, form factor.

    Attributes
    ----------
    atomic
        ``"step"``: free electrons times the effective charge; ``"rrpa"``: that times the RRPA
        ratio, for the Standard Model and the magnetic moment.
    neutrino_mass_ev
        Mass in eV in the equivalent-photon approximation.
    target
        What is hit; an experiment puts its own here.
    process
        Which scattering, by name in :data:`nuhist.physics.processes.PROCESSES`; an experiment's own, too.
    form_factor
        Form factor of nuclei: ``"helm"``, ``"klein-nystrand"`` or ``"none"``.
    nucleus
        The nucleus that recoils, where cross sections on nuclei are evaluated: one after the other.
    """

    atomic: Atomic = "step"
    neutrino_mass_ev: float = 1.0
    target: Target = field(default_factory=_xenon)
    process: str = ELECTRON
    form_factor: FormFactorChoice = "helm"
    nucleus: Nucleus | None = None

    @property
    def struck(self) -> Nucleus:
        """The nucleus that recoils; a ConfigError where electrons do."""
        if self.nucleus is None:
            raise ConfigError("a cross section on nuclei was asked for electrons")
        return self.nucleus

    def __post_init__(self) -> None:
        if self.form_factor not in FORM_FACTOR_CHOICES:
            raise unknown_name("form factor", self.form_factor, FORM_FACTOR_CHOICES)
        if self.atomic not in ATOMIC_CHOICES:
            raise unknown_name("atomic response", self.atomic, ATOMIC_CHOICES)
        object.__setattr__(
            self, "neutrino_mass_ev", as_positive(self.neutrino_mass_ev, "neutrino mass", "eV")
        )
