"""What both implementations share. NumPy only, and no gradient is computed here."""
