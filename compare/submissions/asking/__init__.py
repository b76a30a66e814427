"""Find out how the user's code must be called, and call it."""
