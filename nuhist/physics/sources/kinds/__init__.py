"""Kinds of sources, a module each: its name, with ``-`` for ``_``, is what a user writes."""
