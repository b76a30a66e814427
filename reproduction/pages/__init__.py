"""Figures, tables and pages of a reproduction."""
