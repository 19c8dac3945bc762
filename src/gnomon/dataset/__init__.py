"""The prepared data set, as every stage sees it: plan, topology, splits, cases."""
