"""Report progress: one line for each epoch, with the time left."""

import time

from scripts.output import Output
from twingrad.history import Epoch
from twingrad.text import spell


class Progress:
    """Prints the epochs of one or several trainings of equal length, run one after another.

    Arguments:
        output: of the command.
        trainings: total number of trainings.
    """

    def __init__(self, output: Output, trainings: int = 1) -> None:
        self.output, self.trainings = output, trainings
        self.started = time.monotonic()
        self.ended = 0
        self.done = 0

    def epoch(self, label: str, epoch: Epoch, epochs: int) -> None:
        """Print the metrics of an epoch.

        Arguments:
            label: of its training.
            epoch: the epoch that has ended.
            epochs: number of epochs of each training.
        """
        self.done += 1
        if epoch.epoch == epochs:
            self.ended += 1
        current = 0 if epoch.epoch == epochs else epoch.epoch
        left = (self.trainings - self.ended) * epochs - current
        seconds = left * (time.monotonic() - self.started) / self.done
        parts = {"training": epoch.training, "validation": epoch.validation}
        cost = f"cost {epoch.training.cost:.4f}  " if epoch.training else ""
        accuracies = ", ".join(
            f"{name} {100 * part.accuracy:5.2f} %" for name, part in parts.items() if part
        )
        remaining = f", {spell(seconds)} left" if left else ""
        self.output.print(
            f"{label}  epoch {epoch.epoch:2d}/{epochs}  update {epoch.update:6d}  "
            f"{cost}accuracy: {accuracies}  ({epoch.seconds:.1f} s{remaining})"
        )

    def skip(self) -> None:
        """Count a training that was finished before."""
        self.ended += 1
