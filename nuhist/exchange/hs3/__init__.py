"""HS3, the JSON of RooFit and pyhs3."""
