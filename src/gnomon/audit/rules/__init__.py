"""Rules by family; every `Rule` in a module here is found by itself."""
