"""Single layers: pairs of a forward and a backward function, and losses."""
