"""The grades as tables, files and pages."""
