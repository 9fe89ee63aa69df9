"""Template files of XENON's inference_interface."""
