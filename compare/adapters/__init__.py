"""Somebody's own code: run in a child process, its gradients handed back in our names.

`run_code` is the front; what it is asked is a `Request`, what comes back a `Submission`.
"""

from compare.adapters.process import run_code
from compare.adapters.request import CaseSpec, Request
from compare.adapters.submission import Answer, Finding, Submission

__all__ = ["Answer", "CaseSpec", "Finding", "Request", "Submission", "run_code"]
