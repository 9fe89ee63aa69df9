"""Pure functions of arrays: nothing here knows a detector or a bin."""
