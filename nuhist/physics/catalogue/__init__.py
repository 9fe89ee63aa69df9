"""What can be tested, a module each: its ``ENTRIES`` are hypotheses, and families of them."""
