"""The machine and the package versions that a result comes from."""

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

VECTOR_INSTRUCTIONS = {"avx512f": "AVX-512", "avx2": "AVX2"}
"""Names of vector instructions by Linux's CPU flag, widest first."""


def environment(device: str = "cpu") -> dict[str, Any]:
    """Machine, device and versions, ready for JSON. Imports none of the listed packages.

    Arguments:
        device: "cpu", "cuda" or "cuda:N"; a GPU is described if torch has been imported.
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
    """The installed version, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name, if the system reports it, with its widest vector instructions: several
    generations can share one name.

    Arguments:
        cpuinfo: Linux's description of the processors.
    """
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields: dict[str, str] = {}
    for line in lines:
        field, _, value = line.partition(":")
        fields.setdefault(field.strip(), value.strip())
    name, flags = fields.get("model name", platform.machine()), fields.get("flags", "").split()
    vectors = next((name for flag, name in VECTOR_INSTRUCTIONS.items() if flag in flags), None)
    return f"{name} ({vectors})" if vectors else name
