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

VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2"}
"""Linux's flag for vector instructions, and their name; the widest first."""


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


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name, as far as the system tells, with its widest vectors: a name alone can
    stand for several generations.

    Arguments:
        cpuinfo: the file in which Linux describes its processors.
    """
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told: dict[str, str] = {}
    for line in lines:
        field, _, value = line.partition(":")
        told.setdefault(field.strip(), value.strip())
    name, flags = told.get("model name", platform.machine()), told.get("flags", "").split()
    vectors = next((word for flag, word in VECTORS.items() if flag in flags), None)
    return f"{name} ({vectors})" if vectors else name
