"""The built-in nets, one per module: each module has a frozen dataclass `Settings` and a function `build`."""
