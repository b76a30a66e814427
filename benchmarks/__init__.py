"""Measurements behind every claim about speed."""
