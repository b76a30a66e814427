"""Write files atomically: whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: bytes) -> None:
    """Write a temporary file in the same folder, then rename it to the path."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically; NaN and infinity, which JSON lacks, raise ValueError."""
    write_whole(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())
