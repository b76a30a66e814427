"""`python -m validation`."""

from scripts.program import run_command
from validation.command import checkers

if __name__ == "__main__":
    run_command(checkers)
