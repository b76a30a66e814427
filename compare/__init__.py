"""The cross-check: numerical derivatives, agreement, trajectories, curves and their report."""
