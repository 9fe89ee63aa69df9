"""Other formats: one module each to read and to write them."""
