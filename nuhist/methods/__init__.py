"""What is asked of a model: limits by several methods, in one registry."""
