"""ROOT templates."""
