"""The version and the day of its release, in their one place."""

__version__ = "0.1.0"
RELEASED = "2026-11-29"  # or of the last change of the version, before the release
