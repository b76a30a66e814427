"""Somebody's own code: run in a process of its own, its gradients returned under our names.

`run_code` is the front; what it is asked is a `Request`, what comes back a `Submission`.
"""

from compare.submissions.process import run_code
from compare.submissions.request import CaseSpec, Request
from compare.submissions.submission import Answer, Finding, Submission

__all__ = ["Answer", "CaseSpec", "Finding", "Request", "Submission", "run_code"]
