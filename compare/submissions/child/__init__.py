"""What runs in the child process, around the user's code."""
