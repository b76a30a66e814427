"""Names that people give to arguments, gradients and intermediates."""

import re
from collections.abc import Mapping

ROLES = {
    "X": "x xbatch xtrain xs xdata xb input inputs data images features",
    "Y": "y ybatch ytrain ys yb t label labels target targets onehot yonehot onehots ytrue",
    "P": "p ps prob probs probabilities pbatch yhat ypred predictions "
    "ypredicted predicted prediction yprob yprobs proba probas",
    "parameters": "netparams networkparams network net param params parameters theta model nn "
    "netparam weightsandbiases",
    "penalty": "lam lambda lmbda lambd lamda lmda lda reg regularization regularisation l2 "
    "regstrength lambdareg weightdecay",
    "W": "w ws wlist weight weights",
    "b": "b bs blist bias biases",
    "gamma": "gamma gammas gammalist",
    "beta": "beta betas betalist",
    "batch_norm": "usebn batchnorm bn usebatchnorm withbn dobn isbn bnflag batchnormalization",
    "training": "training train istraining istrain trainmode",
    "mode": "mode",
    "samples": "n nbatch batchsize nsamples nb",
    "depth": "k nlayers numlayers",
    "classes": "nclasses numclasses nclass",
    "eps": "eps epsilon",
    "rate": "lr eta rate learningrate learnrate stepsize",
}
"""The meaning of an argument, by its name in lower case without underscores."""

ROLE = {name: role for role, names in ROLES.items() for name in names.split()}

LIKE_PENALTY = re.compile(r"^(lam|lmb|lbd|reg(?!ion|ist)|l2|weightdecay|decay|penalty)|lambda")
"""Names that start or sound like lambda's: `lamb`, `lam_reg`, `regularization_term`."""


def role_of(name: str) -> str | None:
    """The meaning of an argument or attribute, by its name."""
    word = plain(name)
    known = ROLE.get(word) or ROLE.get(word.rstrip("0123456789"))
    return known or ("penalty" if LIKE_PENALTY.search(word) else None)


KINDS = {
    "W": "w ws weight weights",
    "b": "b bs bias biases",
    "gamma": "gamma gammas",
    "beta": "beta betas",
    "s": "s ss z zs score scores",
    "s_hat": "shat shats zhat xhat sbar snorm snormalized",
    "s_tilde": "stilde stildes ztilde sbn",
    "mu": "mu mus mean means",
    "v": "v vs var vars variance variances",
    "x": "h hs x xs xlayers xlayer a acts activations layers hidden hiddens",
    "p": "p probs probabilities",
    "loss": "loss losses",
    "cost": "cost costs",
}
"""The kind of a returned tensor, by its name."""

KIND = {name: kind for kind, names in KINDS.items() for name in names.split()}

AFFIX = re.compile(r"^(gradients?|grads?|nabla|dl?d|djd|d)|(gradients?|grads?|list)$")


def plain(name: str) -> str:
    """The name in lower case without underscores."""
    return name.lower().replace("_", "")


def tensor_name(key: str) -> tuple[str, int | None] | None:
    """grad_W, dW1, gamma_grads, s_hat: the kind and, where there is one, the number.

    Returns:
        None for a name that says nothing.
    """
    word = plain(key).replace(".", "")
    number = re.search(r"\d+$", word)
    word = word[: number.start()] if number else word
    l = int(number.group()) if number else None
    while word not in KIND:
        shorter = AFFIX.sub("", word, count=1)
        if shorter == word or not shorter:
            return None
        word = shorter
    return KIND[word], l


def in_our_words(name: str, own: Mapping[str, str]) -> str:
    """A name with the code's own word for a kind of parameter replaced: dg2 as dgamma2.

    Arguments:
        own: kinds by the code's plain word for them.
    """
    word = plain(name).lstrip(".")
    stem = word.rstrip("0123456789")
    prefix, number = "", word[len(stem) :]
    while stem not in own:
        shorter = AFFIX.sub("", stem, count=1)
        if shorter == stem:
            return name
        prefix, stem = "d", shorter
    return f"{prefix}{own[stem]}{number}"


def parameter_argument(name: str) -> tuple[str, int] | None:
    """W1, b2, gamma_1 or W_1_ as a separate argument."""
    match = re.fullmatch(r"(w|b|gamma|beta)(\d+)", plain(name))
    return ({"w": "W"}.get(match[1], match[1]), int(match[2])) if match else None


def listed(text: str) -> tuple[str, ...]:
    """Words as a tuple."""
    return tuple(text.split())


FORWARD = listed(
    "applynetwork evaluateclassifier forwardpass forward feedforward forwardprop "
    "forwardpropagation evaluate networkforward computeforward evaluatenetwork"
)
BACKWARD = listed(
    "backwardpass backward backprop backpropagation backwardprop computegradients computegrads "
    "computegradient computegradsanalytically analyticgradients computeanalyticgradients "
    "gradients grads gradient getgradients getgrads calcgradients calculategradients"
)
COST = listed(
    "computecost cost costfunction computeloss loss lossfunction crossentropyloss objective "
    "getcost getloss calculatecost calccost totalcost"
)
"""Names of functions, the likeliest first."""

FORWARD_PARTS = ("forward", "evaluate")
"""Parts of the names of forward functions."""

NOT_BACKWARD = ("num", "slow", "torch", "check", "test", "plot", "compare", "clip", "update")
NOT_FORWARD = ("backward", "grad", "accuracy", "loss", "cost", "plot", "test", "torch")
NOT_COST = ("grad", "backward", "plot", "accuracy", "test", "history", "torch")


ELEMENTWISE = re.compile(
    r"^(d|deriv|derivative|grad|gradient|prime|back|backward|forward|leaky|of|the|compute|function|"
    r"fn|stable)*(relu|elu|gelu|sigmoid|logistic|tanh|softmax|softplus|activation|act)"
    r"(d|deriv|derivative|grad|gradient|prime|back|backward|forward|function|fn|\d)*$"
)
"""Names of activations and their derivatives, which are no pass over a network."""


LAYER = re.compile(r"^(bn|batchnorm(ali[sz]ation|ali[sz]e)?)(for|back|pass|prop|grad)")
"""Names of the passes of batch norm alone."""


def rank(
    name: str, words: tuple[str, ...], parts: tuple[str, ...], without: tuple[str, ...]
) -> int:
    """How likely a function's name makes it what the words say; 0 is best, -1 is not at all.

    Arguments:
        words: whole names. A suffix such as `bn` is looked over.
        parts: a name that holds one of these comes after the whole names.
        without: parts that rule it out.
    """
    word = plain(name)
    if any(part in word for part in without) or ELEMENTWISE.search(word) or LAYER.search(word):
        return -1
    bare = re.sub(r"(withbn|withbatchnorm|batchnorm|bn|klayers?|\d+layers?|\d+)$", "", word)
    for candidate in (word, bare):
        if candidate in words:
            return words.index(candidate)
    return len(words) if any(part in word for part in parts) else -1


def says_batch_norm(name: str) -> bool:
    """Whether a function's name says that it is for batch norm."""
    word = plain(name)
    return word.endswith("bn") or "batchnorm" in word
