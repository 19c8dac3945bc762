"""Values that every stage shares: geometry, labels, mirroring, components, statistics, randomness, provenance."""
