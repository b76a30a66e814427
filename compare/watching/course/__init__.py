"""Faults that are visible only in a running training: updates, learning rates, data, statistics,
costs."""
