"""Finding out how the code of the user's process wants to be called, and asking it."""
