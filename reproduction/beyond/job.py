"""A job: trainings that run side by side in one process, and where they are stored."""

from dataclasses import dataclass
from pathlib import Path

from reproduction.beyond.rung import Setting
from reproduction.beyond.training_folder import TrainingFolder
from twingrad.recipe import Recipe


@dataclass(frozen=True)
class Job:
    """Unfinished trainings with the same number of epochs, which run side by side.

    Arguments:
        setting: the setting to train.
        seeds: one for each training.
        backend, device: the backend and the device that train it.
    """

    setting: Setting
    seeds: tuple[int, ...]
    backend: str
    device: str = "cpu"

    @property
    def name(self) -> str:
        """Its name, for people."""
        seeds = ",".join(map(str, self.seeds))
        return f"{self.setting.training}, {self.backend}, seed {seeds}"

    @property
    def recipes(self) -> list[Recipe]:
        """The recipe of each training."""
        return [self.setting.recipe(seed) for seed in self.seeds]


def folder_of(root: Path, training: str, backend: str, seed: int) -> TrainingFolder:
    """Folder of a training."""
    return TrainingFolder(root / training / f"{backend}-{seed}")


def check_of(root: Path, setting: Setting) -> Path:
    """File of the cross-check of its recipe."""
    return root / setting.training / "check.json"
