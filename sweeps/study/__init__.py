"""How it is searched, and what was found so far."""
