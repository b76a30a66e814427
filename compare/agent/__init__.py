"""What runs inside the user's Python: one file each, standard library and NumPy only."""
