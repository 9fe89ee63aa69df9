"""A small model in the form in which XENONnT publishes its own: two terms, two shape parameters."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from nuhist.exchange.inference_interface.files import Axis, TemplateFile, template_file_bytes

AXES = (Axis(np.array([100.0, 200.0, 300.0, 500.0]), "cs2"), Axis(np.linspace(0, 1, 3), "bdt"))
ANCHORS = (-2, -1, 0, 1, 2)

MODEL = """
parameter_definition:
  livetime_sr0: {nominal_value: 1.5, ptype: livetime, fittable: false, description: exposure}
  signal_efficiency:
    {nominal_value: 1.0, ptype: efficiency, uncertainty: 0.2, relative_uncertainty: true,
     fit_limits: [0.4, 1.6]}
  wimp_mass: {nominal_value: 6, ptype: needs_reinit, fittable: false}
  wimp_rate_multiplier: {nominal_value: 1.0, ptype: rate, fit_limits: [0, 1000], fit_guess: 1.0}
  b8_rate_multiplier:
    {nominal_value: 1.0, ptype: rate, uncertainty: 0.3, relative_uncertainty: true, fit_limits: [0, 100]}
  ac_rate_multiplier: {nominal_value: 2.0, ptype: rate, uncertainty: 0.4, fit_limits: [0, 100]}
  t_ly: {nominal_value: 0, ptype: shape, uncertainty: 1, blueice_anchors: [-2, -1, 0, 1, 2]}
  t_qy: {nominal_value: 0, ptype: shape, uncertainty: 1, blueice_anchors: "np.arange(-2, 3)"}
likelihood_config:
  template_folder: null
  likelihood_terms:
    - name: SR0
      default_source_class: alea.template_source.TemplateSource
      likelihood_type: blueice.likelihood.BinnedLogLikelihood
      analysis_space:
        - cs2: "100 200 300 500"
        - bdt: np.linspace(0, 1, 3)
      in_events_per_bin: true
      livetime_parameter: livetime_sr0
      slice_args: {}
      sources:
        - name: wimp
          histname: template
          parameters: [signal_efficiency, wimp_rate_multiplier, wimp_mass, t_ly, t_qy]
          named_parameters: [wimp_mass, t_ly, t_qy]
          template_filename: TBD
          efficiency_name: signal_efficiency
        - name: b8
          histname: template
          parameters: [signal_efficiency, b8_rate_multiplier, t_ly, t_qy]
          named_parameters: [t_ly, t_qy]
          template_filename: b8/b8_{t_ly:.1f}_{t_qy:d}.h5
          apply_efficiency: true
          efficiency_name: signal_efficiency
        - {name: ac, histname: template, parameters: [ac_rate_multiplier], template_filename: ac.h5}
"""
PATTERN = "SR0/wimp=signal/wimp_{wimp_mass:d}_{t_ly:.1f}_{t_qy:d}.h5"


def counts(source: str, t_ly: float, t_qy: float) -> np.ndarray:
    """Events per bin and livetime: yields shift the spectrum and change its total."""
    centres = np.linspace(0.2, 1, 3)[:, None] + np.array([0.0, 0.3])
    falling = {"wimp": 3.0, "b8": 2.0}[source] * (1 - 0.08 * t_ly + 0.01 * t_ly**2)
    total = {"wimp": 3.0, "b8": 6.0}[source] * (1 + 0.25 * t_qy + 0.02 * t_qy**2 + 0.05 * t_ly * t_qy / 2)
    shape = np.exp(-falling * centres)
    return np.asarray(total * shape / shape.sum())


def write_model(folder: Path, text: str = MODEL) -> Path:
    """The YAML file, with templates and a pickle of events beside it."""
    for name in ("b8", "signal"):
        (folder / name).mkdir(exist_ok=True)
    for ly in ANCHORS:
        for qy in ANCHORS:
            _write(folder / f"b8/b8_{ly:.1f}_{qy:d}.h5", counts("b8", ly, qy))
            _write(folder / f"signal/wimp_6_{ly:.1f}_{qy:d}.h5", counts("wimp", ly, qy))
    _write(folder / "ac.h5", np.array([[2.0, 1.0], [1.0, 0.5], [0.5, 0.25]]))
    rows = [(150, 0.2), (120, 0.7), (180, 0.1), (250, 0.6), (260, 0.2), (310, 0.9), (130, 0.4), (500, 1.0)]
    events = np.array(rows, dtype=[("cs2", "<f8"), ("bdt", "<f8")])
    (folder / "data.pkl").write_bytes(pickle.dumps([events]))
    path = folder / "model.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _write(path: Path, template: np.ndarray) -> None:
    path.write_bytes(template_file_bytes(TemplateFile(AXES, {"template": template})))
