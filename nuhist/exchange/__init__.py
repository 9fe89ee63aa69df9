"""Other formats: a read and a write for each."""
