"""Configurations of cabinetry."""
