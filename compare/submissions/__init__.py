"""Other people's code: it runs in a separate process, and its gradients are returned under our
names.

`run_code` is the entry point; it takes a `Request` and returns a `Submission`.
"""

from compare.submissions.process import run_code
from compare.submissions.request import CaseSpec, Request
from compare.submissions.submission import Answer, Finding, Submission

__all__ = ["Answer", "CaseSpec", "Finding", "Request", "Submission", "run_code"]
