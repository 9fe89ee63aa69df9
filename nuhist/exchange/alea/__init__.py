"""Models of alea, XENON's tool for inference: YAML, with templates in HDF5."""
