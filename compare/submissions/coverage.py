"""What was compared in the user's code, and what was not checked."""

from collections.abc import Iterator

from compare.submissions.submission import Submission

COVERAGE = {
    "batch-norm": "networks with batch norm",
    "no-batch-norm": "networks without batch norm",
    "forward": "values of the forward pass",
    "cost": "the cost",
    "second-call": "a second call on the same object",
    "running-statistics": "running statistics",
    "evaluation": "evaluation",
    "dropout": "dropout",
    "updates": "updates of the parameters",
    "schedule": "the learning rates",
}
"""The parts that `--require` accepts, with their descriptions."""


def covered(submission: Submission) -> frozenset[str]:
    """The parts of COVERAGE of which something was compared."""
    answers, states = submission.answers, submission.states
    found = {
        "batch-norm": any(answer.spec.batch_norm for answer in answers),
        "no-batch-norm": any(not answer.spec.batch_norm for answer in answers),
        "forward": any(set(answer.forward) - {"loss", "cost"} for answer in answers),
        "cost": any({"loss", "cost"} & set(answer.forward) for answer in answers),
        "second-call": submission.called_again,
        "running-statistics": bool(submission.running or states),
        "evaluation": bool(submission.evaluations or states),
        "dropout": bool(submission.dropped),
        "updates": bool(states),
        "schedule": "learning rate" in states,
    }
    return frozenset(name for name, done in found.items() if done)


def left_out(submission: Submission) -> Iterator[str]:
    """What was not checked in code for whole networks, beyond what the examination reports."""
    there = covered(submission)
    for part in ("batch-norm", "no-batch-norm"):
        said = COVERAGE[part]
        if part not in there and not any(one.startswith(said) for one in submission.untried):
            yield said
    if "cost" not in there:
        yield "the cost (no function for it was found)"
    elif "forward" not in there:
        yield "values of the forward pass (none are returned)"
    if "updates" not in there:
        yield "updates and learning rates (twingrad watch follows a training)"
    elif "schedule" not in there:
        yield "the learning rates (it has no learning_rates)"
