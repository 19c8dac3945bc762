"""For every rule a defect to plant: a clean study goes in, one that breaks the rule comes out; a module a family."""

from tests.audit.plants import acquisition, leakage, origin, placement, projection, series, values
from tests.audit.plants.planting import PLANTS, put, store, stored

FAMILIES = (values, series, placement, acquisition, projection, origin, leakage)
__all__ = ["FAMILIES", "PLANTS", "put", "store", "stored"]
