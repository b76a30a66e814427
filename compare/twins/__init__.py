"""Comparison of our two implementations."""
