"""Data for workers that do not share their parent's memory: files that all of them map."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.engine.data import Form, Loaded
from twingrad.dataset import Dataset, Split
from twingrad.recipe import Recipe

PARTS = ("training", "validation", "test")


@dataclass
class Mapped:
    """What `Loaded` is, for a process of its own: it travels as names of files, and the pages that
    workers map are in memory once.

    Arguments:
        folder: holds the arrays.
        forms: classes and identity of the data of each form, by the number of their files.
    """

    folder: Path
    forms: Mapping[Form, tuple[int, dict[str, Any]]]
    loaded: Loaded | None = field(default=None, compare=False)

    @classmethod
    def write(cls, data: Loaded, folder: Path) -> "Mapped":
        """Writes the arrays into a folder.

        Raises:
            OSError: as where the disk is full.
        """
        for number, dataset in enumerate(data.known.values()):
            for part in PARTS:
                split: Split = getattr(dataset, part)
                np.save(folder / f"{number}-{part}-X.npy", split.X)
                np.save(folder / f"{number}-{part}-y.npy", split.y)
        return cls(folder, {form: (d.classes, d.identity) for form, d in data.known.items()})

    def __call__(self, recipe: Recipe) -> Dataset:
        """The data of a recipe, mapped at the first call."""
        if self.loaded is None:
            self.loaded = Loaded({form: self._read(i) for i, form in enumerate(self.forms)})
        return self.loaded(recipe)

    def _read(self, number: int) -> Dataset:
        # copy on write: torch wants arrays that could be written to
        splits = {
            part: Split(
                *(
                    np.load(self.folder / f"{number}-{part}-{what}.npy", mmap_mode="c")
                    for what in "Xy"
                )
            )
            for part in PARTS
        }
        classes, identity = list(self.forms.values())[number]
        return Dataset(**splits, classes=classes, identity=identity)
