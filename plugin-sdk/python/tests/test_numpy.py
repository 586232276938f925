import sys

import pytest

from outrider_plugin import scorer
from outrider_plugin.testing import fake_call, local

POOL = [{"waiting_requests": at, "inflight_requests": 2 * at} for at in range(6)]


def test_an_array_without_numpy_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match="numpy"):
        fake_call(POOL).array("waiting_requests")


class TestWithNumPy:
    @pytest.fixture
    def np(self):
        return pytest.importorskip("numpy")

    @pytest.mark.parametrize("candidates", [None, [1, 2, 3], [0, 2, 5], [4]])
    def test_an_array_has_the_values_of_the_column(self, np, candidates):
        call = fake_call(POOL, candidates=candidates, data={"data.x": [1] * (len(candidates or POOL))})
        for key in ("waiting_requests", "inflight_requests", "data.x"):
            values = call.array(key)
            assert values.dtype == np.float32
            assert values.tolist() == list(call.column(key))
        assert np.isnan(call.array("metric.none")).all()

    def test_an_array_is_a_view_where_candidates_lie_side_by_side_and_is_never_written(self, np):
        call = fake_call(POOL, candidates=[1, 2, 3])
        values = call.array("waiting_requests")
        assert values.base is not None
        assert not values.flags.owndata
        assert call.array("waiting_requests") is values
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1

    def test_arrays_are_scores_and_their_nan_abstains(self, np):
        half = scorer("half")(lambda call: np.where(call.array("waiting_requests") > 4, np.nan, 0.5))
        scores = local(half).score(fake_call(POOL))
        assert scores[:5] == [0.5] * 5
        assert scores[5] != scores[5]

    def test_elements_of_arrays_are_scores(self, np):
        one_by_one = scorer("one-by-one")(lambda call: list(call.array("waiting_requests") / 10))
        assert local(one_by_one).score(fake_call(POOL[:2])) == pytest.approx([0, 0.1])
