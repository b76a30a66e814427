"""Golden files: values of another implementation."""
