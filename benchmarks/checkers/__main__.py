"""`python -m benchmarks.checkers`."""

from benchmarks.checkers.command import checkers
from scripts.program import run_command

if __name__ == "__main__":
    run_command(checkers)
