"""Which machine and which versions a result comes from."""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

PACKAGES = (
    "numpy",
    "torch",
    "torchvision",
    "scipy",
    "matplotlib",
    "safetensors",
    "optuna",
    "twingrad",
)


def environment(device: str = "cpu") -> dict[str, Any]:
    """Machine, device and versions, ready for JSON. Imports none of the packages it lists.

    Arguments:
        device: "cpu" or "cuda...", described further where torch is at hand.
    """
    described = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "device": device,
        "packages": {name: version(name) for name in PACKAGES},
    }
    torch = sys.modules.get("torch")
    if device.startswith("cuda") and torch is not None:
        described["gpu"] = torch.cuda.get_device_name(device)
        described["cuda"] = torch.version.cuda
    return described


def version(package: str) -> str | None:
    """The installed version, None where there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
