"""Code that runs inside the user's Python: single files that need only the standard library and
NumPy."""
