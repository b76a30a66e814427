"""What stands and what does not."""
