"""A source of ⁵¹Cr."""

from __future__ import annotations

from nuhist.physics.sources.radioactive import electron_capture

KIND = electron_capture("51Cr", "⁵¹Cr near the detector", 27.704)
