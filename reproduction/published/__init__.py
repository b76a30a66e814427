"""The report as data: its experiments and their two readings."""
