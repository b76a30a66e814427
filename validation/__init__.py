"""A test of the tester: faults planted on purpose, and right code with other formulas.

    python -m validation [--json FILE] [--markdown FILE]

The counts depend on the seed alone, not on the machine.
"""

from validation.command import checkers

__all__ = ["checkers"]
