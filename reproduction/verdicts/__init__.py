"""Verdicts on the report's numbers and claims."""
