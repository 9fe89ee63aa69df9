"""Experiments as folders of data, and what turns them into expected counts."""
