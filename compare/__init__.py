"""The cross-check: derivation, diagnosis, checks of foreign code, and comparison of the twins."""
