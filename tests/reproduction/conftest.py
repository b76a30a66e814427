from tests.scripts.conftest import small_data, twingrad
from tests.twingrad.cifar.conftest import copies

__all__ = ["copies", "small_data", "twingrad"]
