"""Create an object of a user's class for a network, by the names of the constructor's arguments."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from compare.submissions.asking.failures import CodeFailure, Unsupported, allowed_to_refuse, call
from compare.submissions.binding import signature
from compare.submissions.names import LIKE_PENALTY, plain
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
    "keep": "dropoutkeepratio keepratio keepprob keep pkeep dropoutkeep dropoutkeepprob",
    "depth": "numlayers nlayers depth",
}
"""The meaning of an argument, by its name in lower case without underscores."""

MEANING = {name: what for what, names in ARGUMENTS.items() for name in names.split()}

LIKE = (
    (
        "inputs",
        r"^(n|num|dim|size|d)?(in|inp|input|feature)s?(channel|feat|feature|node|neuron|unit)?s?"
        r"(size|dim|count|num)?s?$",
    ),
    (
        "classes",
        r"^(n|num|dim|size|d)?(out|output|class|classe|label|categorie)s?(channel|feat|feature|"
        r"node|neuron|unit)?s?(size|dim|count|num)?s?$",
    ),
    ("hidden", r"hid"),
    (
        "sizes",
        r"(layer|network|net|node|neuron|unit|arch|struct)s?(size|dim|shape|width|node)s?$|"
        r"^(size|dim|shape|width|node|neuron|unit|arch)s?$",
    ),
    ("depth", r"^(n|num)(of)?layers?$"),
    ("penalty", LIKE_PENALTY.pattern),
)
"""The meaning of arguments with similar names, by regular expressions."""


def meaning_of(name: str) -> str | None:
    """The meaning of a constructor's argument, by its name."""
    word = plain(name)
    if word in MEANING:
        return MEANING[word]
    return next((what for what, pattern in LIKE if re.search(pattern, word)), None)


def meaning_in(argument: inspect.Parameter) -> str | None:
    """The same, unless its default is a text: `output="softmax"` is no number of outputs."""
    meaning = meaning_of(argument.name)
    is_text = isinstance(argument.default, str)
    return None if is_text and meaning not in ("normalization", "dtype") else meaning


def argument_for(argument: inspect.Parameter, network: Network, penalty: float) -> Any:
    """A value for an argument with a known meaning.

    Raises:
        Unsupported: it is for one hidden layer, and the network has another number.
    """
    meaning = meaning_of(argument.name)
    assert meaning is not None
    if meaning == "one hidden":
        return one_hidden(argument, network)
    return value_of(meaning, argument, network, penalty, np.float64)


def one_hidden(argument: inspect.Parameter, network: Network) -> int:
    """The width of the only hidden layer."""
    if len(network.hidden) != 1:
        raise Unsupported(f"its argument {argument.name} is for one hidden layer")
    return network.hidden[0]


def construct(
    source: Source,
    factory: Callable[..., Any],
    network: Network,
    penalty: float,
    dtype: Any,
    normalization: str = "batchnorm",
    keep: float = 1.0,
) -> Any:
    """Call a class or factory for a network.

    Arguments:
        factory: its arguments without a known name keep their defaults.
        dtype: given to an argument of that name.
        normalization: how the code spells batch norm, likewise.
        keep: the share that dropout keeps, likewise.

    Raises:
        Unsupported: an argument that is required is not known, or the depth does not fit.
        CodeFailure: the constructor raised.
    """
    keywords: dict[str, Any] = {}
    for argument in signature(factory):
        meaning = meaning_in(argument)
        required = argument.default is inspect.Parameter.empty
        if meaning is None:
            if required:
                raise Unsupported(f"its argument {argument.name} is not known")
            continue
        if meaning == "one hidden":
            keywords[argument.name] = one_hidden(argument, network)
        elif meaning == "no dropout":
            # newer versions of CS231n take the share that is kept, older ones the share dropped;
            # their defaults switch it off
            if required:
                keywords[argument.name] = 0.0
        elif meaning == "keep":
            keywords[argument.name] = keep
        elif meaning == "normalization":
            if network.batch_norm:
                keywords[argument.name] = normalization
        else:
            keywords[argument.name] = value_of(meaning, argument, network, penalty, dtype)
    with allowed_to_refuse():
        try:
            return call(source, 0, factory, **keywords)
        except CodeFailure:
            lists = {n: v for n, v in keywords.items() if v == list(network.hidden)}
            if len(network.hidden) != 1 or not lists:
                raise
            # one hidden layer: an argument `hidden` may be its width
            widths = dict.fromkeys(lists, network.hidden[0])
            return call(source, 0, factory, **(keywords | widths))


def value_of(
    meaning: str, argument: inspect.Parameter, network: Network, penalty: float, dtype: Any
) -> Any:
    """The value of an argument with a known meaning."""
    listed = tuple if isinstance(argument.default, tuple) else list
    if meaning == "hidden" and isinstance(argument.default, int):
        return one_hidden(argument, network)
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
        "keep": 1.0,
    }
    return values[meaning]
