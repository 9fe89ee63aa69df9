"""HistFactory XML."""
