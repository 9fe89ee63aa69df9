"""Fits and intervals; pyhf does the likelihood."""
