"""Searches over recipes: many networks trained at once, the choice made on validation data."""

from sweeps.engine.recipes import run_recipes
from sweeps.sweep import run_sweep

__all__ = ["run_recipes", "run_sweep"]
