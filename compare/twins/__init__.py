"""Our own two implementations, against each other."""
