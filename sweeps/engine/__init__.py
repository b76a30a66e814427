"""Trainings in stacks, over processes."""
