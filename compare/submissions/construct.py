"""Building a user's class for a network, its constructor's arguments matched by their names."""

import inspect
from collections.abc import Callable
from typing import Any

from compare.submissions.binding import signature
from compare.submissions.child.failures import Unsupported, allowed_to_refuse, call
from compare.submissions.names import plain
from compare.submissions.source import Source
from twingrad.network import Network

ARGUMENTS = {
    "inputs": "inputdim inputsize inputs ninputs nin infeatures indim insize d din dimin nfeatures",
    "hidden": "hiddendims hiddensizes hidden hiddenlayers hiddenunits hiddenwidths widths",
    "one hidden": "hiddendim hiddensize nhidden h m hiddenfeatures width",
    "classes": "numclasses nclasses classes outputsize outputdim outputs noutputs nout outfeatures "
    "outdim outsize k dout c",
    "sizes": "dims sizes layersizes layerdims layers layerwidths architecture shape",
    "penalty": "reg lam lambda lmbda l2 penalty",
    "normalization": "normalization norm",
    "batch norm": "usebatchnorm batchnorm usebn bn batchnormalization withbn",
    "dtype": "dtype",
    "seed": "seed",
    "no dropout": "dropout dropoutp pdropout dropoutrate",
    "depth": "numlayers nlayers depth",
}
"""What an argument stands for, by its name in lower case without underscores."""

MEANING = {name: what for what, names in ARGUMENTS.items() for name in names.split()}


def construct(
    source: Source, factory: Callable[..., Any], network: Network, penalty: float, dtype: Any
) -> Any:
    """Calls a class or factory for a network.

    Arguments:
        factory: its arguments without a known name keep their defaults.
        dtype: given to an argument of that name.

    Raises:
        Unsupported: an argument that is required is not known, or the depth does not fit.
        CodeFailure: the constructor raised.
    """
    keywords: dict[str, Any] = {}
    for argument in signature(factory):
        meaning = MEANING.get(plain(argument.name))
        required = argument.default is inspect.Parameter.empty
        if meaning is None:
            if required:
                raise Unsupported(f"its argument {argument.name} is not known")
            continue
        if meaning == "one hidden":
            if len(network.hidden) != 1:
                raise Unsupported(f"its argument {argument.name} is for one hidden layer")
            keywords[argument.name] = network.hidden[0]
        elif meaning == "no dropout":
            # newer versions of CS231n take the share that is kept, older ones the share dropped;
            # their defaults switch it off
            if required:
                keywords[argument.name] = 0.0
        elif not (meaning == "normalization" and not network.batch_norm):
            keywords[argument.name] = value_of(meaning, argument, network, penalty, dtype)
    with allowed_to_refuse():
        return call(source, 0, factory, **keywords)


def value_of(
    meaning: str, argument: inspect.Parameter, network: Network, penalty: float, dtype: Any
) -> Any:
    """What an argument of a known meaning gets."""
    listed = tuple if isinstance(argument.default, tuple) else list
    if meaning == "hidden" and isinstance(argument.default, int):
        if len(network.hidden) != 1:
            raise Unsupported(f"its argument {argument.name} is for one hidden layer")
        return network.hidden[0]
    values = {
        "inputs": network.inputs,
        "hidden": listed(network.hidden),
        "classes": network.classes,
        "sizes": listed(network.widths),
        "penalty": penalty,
        "normalization": "batchnorm",
        "batch norm": network.batch_norm,
        "dtype": dtype,
        "seed": 0,
        "depth": network.depth,
    }
    return values[meaning]
