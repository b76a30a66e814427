"""The report as data: its experiments, and its two readings."""
