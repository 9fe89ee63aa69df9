"""HEPData: a submission with the likelihood in it, and the check that a reader would make."""
