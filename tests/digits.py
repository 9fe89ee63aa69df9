"""How far what is written may be from what is computed."""

WRITTEN = 1e-9  # relative: counts are written with ten digits
