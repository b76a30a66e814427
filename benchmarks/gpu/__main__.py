"""`python -m benchmarks.gpu`."""

from benchmarks.gpu.command import gpu
from scripts.program import run_command

run_command(gpu)
