"""The built-in loss terms, one per module: each module has a function `loss(inputs, settings)`."""
