"""From a recording of a program to its network, its first wrong line, and its training's faults."""
