"""One BLAS thread in every test process, and the two implementations as a parameter."""

from importlib import import_module

import pytest

from twingrad.threads import limit_threads

for library in ("numpy", "scipy.linalg.blas", "torch"):
    import_module(library)  # their threads can only be limited once they are loaded
limit_threads()


@pytest.fixture(params=["manual_impl", "torch_impl"])
def implementation(request):
    """Either implementation of the contract."""
    return import_module(request.param)
