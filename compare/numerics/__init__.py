"""Numerical derivatives, and the comparison of two tensors."""
