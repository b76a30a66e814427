"""What runs inside the Python of the user: standard library and NumPy alone."""
