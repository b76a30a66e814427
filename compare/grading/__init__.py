"""Grading of a course's submissions in isolation: points, tables, pages."""
