"""Networks on a GPU, single and stacked: equality with the CPU, and speed compared with peers."""
