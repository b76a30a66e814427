"""One BLAS thread in every test process, and the two implementations as a parameter."""

import pytest

import manual_impl
import torch_impl
from twingrad.threads import limit_threads

limit_threads()


@pytest.fixture(params=[manual_impl, torch_impl], ids=lambda module: module.__name__)
def implementation(request):
    """Either implementation of the contract."""
    return request.param
