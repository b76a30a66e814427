"""Derivatives by number, and whether two tensors agree."""
