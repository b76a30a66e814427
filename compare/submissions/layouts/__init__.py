"""The layouts in which people write networks."""
