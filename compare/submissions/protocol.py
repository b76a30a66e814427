"""What an adapter defines, for code that follows no layout that is recognised."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int

from twingrad.network import Network, Parameters


class Adapter(Protocol):
    """A module, or an object in one, that speaks for code of any kind in any language.

    It is a function `gradients` of these arguments, in a few lines: turn the parameters into what
    your code takes, call it, and return what it gives under the names W1, b1, gamma1, beta1, ....
    `forward` is optional and lets the check say which operation goes wrong. An adapter that cannot
    do a network raises NotImplementedError, and is then not asked for such.

    Arguments of both:
        network: inputs, hidden, classes, batch_norm, eps, depth.
        parameters: W1 (out, in), b1 (out,), with batch norm gamma1, beta1 (out,); then W2, ....
        X: (n, inputs), samples in rows.
        y: (n,) classes from 0.
        penalty: lambda of loss + lambda * sum ||W||^2.
    """

    def gradients(
        self,
        network: Network,
        parameters: Parameters,
        X: Float[np.ndarray, "n d"],
        y: Int[np.ndarray, " n"],
        *,
        penalty: float,
    ) -> Mapping[str, Any]:
        """d cost / d of the parameters, each of its parameter's shape; of intermediates too, if
        you have them (s1, x1, ...). What is left out is not judged."""
        ...
