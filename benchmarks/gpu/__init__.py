"""One network and stacks of them on a GPU: equal to the CPU's, and how fast beside peers."""
