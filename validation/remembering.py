"""The catalogue's predictions, computed once for each network instead of once for each fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from compare.cases import Case
from compare.diagnosis.catalogue import Candidate, Prediction
from compare.diagnosis.catalogue.fault import Inapplicable

Key = tuple[str, tuple[int, ...]]


@contextmanager
def remembered(case: Case) -> Iterator[None]:
    """Within it, a single fault of the catalogue is run once on the case.

    A diagnosis runs all of them, and here many hundred diagnoses are asked for on one network.
    """
    known: dict[Key, Prediction | None] = {}
    predict = Candidate.predict

    def remembering(self: Candidate, on: Case) -> Prediction:
        if self.other is not None or on is not case:
            return predict(self, on)
        key = (self.fault.name, self.layers)
        if key not in known:
            try:
                known[key] = predict(self, on)
            except Inapplicable:
                known[key] = None
        found = known[key]
        if found is None:
            raise Inapplicable
        return found

    with patch.object(Candidate, "predict", remembering):
        yield
