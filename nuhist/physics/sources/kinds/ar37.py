"""A source of ³⁷Ar."""

from __future__ import annotations

from nuhist.physics.sources.radioactive import electron_capture

KIND = electron_capture("37Ar", "³⁷Ar near the detector", 35.011)
