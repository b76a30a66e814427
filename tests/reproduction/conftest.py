from tests.scripts.conftest import small_data, twingrad

__all__ = ["small_data", "twingrad"]
