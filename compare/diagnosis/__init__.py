"""Which operation is wrong, and which mistake explains it."""
