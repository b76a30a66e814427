"""Grades as tables, files and pages."""
