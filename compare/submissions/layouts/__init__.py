"""The layouts in which people write their networks."""
