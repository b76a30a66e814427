"""What a sweep writes and shows."""
