"""Layers on their own: pairs of a forward and a backward function, and losses."""
