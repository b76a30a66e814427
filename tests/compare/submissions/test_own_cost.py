"""Central differences of the code's own cost: where they are taken, and in how few messages."""

import numpy as np
import pytest

from compare.submissions import Request, run_code
from compare.submissions.asking import collect
from compare.submissions.connection import Connection
from compare.submissions.session import Session
from tests.compare.submissions.support import reference, student

WRONG = {
    "cs231n_two_layer": ("dh[h <= 0] = 0", "dh[h <= 0] = 0.1"),
    "dd2424_tuple_labels": ("g = (Ws[l].T @ g) * (below > 0)", "g = Ws[l].T @ g"),
}
"""A mistake in the backward pass; the cost stays right."""

ONE = Request(hidden=(6,), inputs=5, samples=7, penalty=0.1)


@pytest.fixture
def messages(monkeypatch):
    """What is sent to the user's process, by what it asks for."""
    sent = []
    exchange = Connection.exchange

    def counted(self, message, blobs):
        sent.append(message["do"])
        return exchange(self, message, blobs)

    monkeypatch.setattr(Connection, "exchange", counted)
    return sent


def wrong(tmp_path, name):
    """A file with its mistake."""
    old, new = WRONG[name]
    text = student(name).read_text()
    assert old in text
    (tmp_path / "mine.py").write_text(text.replace(old, new))
    return tmp_path / "mine.py"


@pytest.mark.parametrize("name", WRONG)
def test_the_cost_of_wrong_code_is_differentiated_in_few_messages(tmp_path, messages, name):
    submission = run_code(wrong(tmp_path, name), None, ONE)
    answer = submission.answers[0]
    gradients, _ = reference(answer, submission.penalty_forms[0])
    assert set(answer.own_cost) == {"W1", "b1", "W2", "b2"}
    for tensor, entries in answer.own_cost.items():
        assert len(entries) == 4
        for index, value in entries:
            # central differences with h = 1e-6 are good to about 1e-9
            assert value == pytest.approx(gradients[tensor][index], abs=1e-7)
        off = np.abs(answer.gradients[tensor] - gradients[tensor])
        assert off[entries[0][0]] == off.max()
    assert 1 <= messages.count("replay") <= 3
    # 64 evaluations of three messages each, were they sent one by one
    assert len(messages) < 100


def test_messages_that_were_not_foreseen_are_sent(tmp_path, monkeypatch):
    path = wrong(tmp_path, "cs231n_two_layer")
    plain = run_code(path, None, ONE).answers[0].own_cost
    replay = Session.replay

    def spoilt(self, script, *rest):
        answers = replay(self, script, *rest)
        script[-1][0]["of"] = -99  # so that no message is the one that was answered
        return answers

    monkeypatch.setattr(Session, "replay", spoilt)
    monkeypatch.setattr(collect, "SECONDS", 60.0)
    found = run_code(path, None, ONE).answers[0].own_cost
    assert found == plain


def test_right_code_is_not_differentiated(messages):
    submission = run_code(student("cs231n_two_layer"), None, ONE)
    assert [answer.own_cost for answer in submission.answers] == [{}, {}]
    assert "replay" not in messages
