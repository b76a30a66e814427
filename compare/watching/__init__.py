"""From a program's recording to its network, its first wrong line, and its training's faults."""
