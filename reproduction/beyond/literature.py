"""Published accuracies of fully connected networks on CIFAR-10, and how they were obtained."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedNetwork:
    """A published accuracy.

    Arguments:
        accuracy: on the test data, as it is given.
        network: what reached it.
        what: how it came about, as far as the source says.
    """

    accuracy: str
    network: str
    what: str


PUBLISHED_NETWORKS = (
    PublishedNetwork(
        "55.28 %", "[150, 50], batch norm", "the report: one run, the best of its six best networks"
    ),
    PublishedNetwork(
        "58.9 %",
        "the best public solution of the course that was found",
        "one run, chosen on the test data",
    ),
    PublishedNetwork(
        "about 70 %",
        "Lin, Memisevic, Konda 2015",
        "permutation-invariant, with unsupervised pretraining",
    ),
    PublishedNetwork("78 %", "Lin, Memisevic, Konda 2015", "the same, with deformed images"),
    PublishedNetwork(
        "68.7 %",
        "4000-1000-4000, Mocanu et al. 2018",
        "1,000 epochs with augmentation",
    ),
)
"""The assignment also quotes 78 %."""
