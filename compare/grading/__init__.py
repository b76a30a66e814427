"""Submissions of a course, judged in isolation: points, tables, pages."""
