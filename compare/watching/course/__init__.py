"""What only a running training shows: its updates, learning rates, data, statistics and costs."""
