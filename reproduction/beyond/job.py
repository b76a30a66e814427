"""What one process trains at a time, and where it is kept."""

from dataclasses import dataclass
from pathlib import Path

from reproduction.beyond.rung import Setting
from reproduction.beyond.training_folder import TrainingFolder
from twingrad.recipe import Recipe


@dataclass(frozen=True)
class Job:
    """Trainings to run side by side, none of them finished, all after as many epochs.

    Arguments:
        setting: what is trained.
        seeds: of each training.
        backend, device: what trains it.
    """

    setting: Setting
    seeds: tuple[int, ...]
    backend: str
    device: str = "cpu"

    @property
    def name(self) -> str:
        """For people."""
        seeds = ",".join(map(str, self.seeds))
        return f"{self.setting.training}, {self.backend}, seed {seeds}"

    @property
    def recipes(self) -> list[Recipe]:
        """What is trained."""
        return [self.setting.recipe(seed) for seed in self.seeds]


def folder_of(root: Path, training: str, backend: str, seed: int) -> TrainingFolder:
    """Folder of a training."""
    return TrainingFolder(root / training / f"{backend}-{seed}")


def check_of(root: Path, setting: Setting) -> Path:
    """File of the cross-check of its recipe."""
    return root / setting.training / "check.json"
