import pytest

from outrider_plugin._random import Random

VECTORS = [
    (0, [1_144_304_738, 1_416_247, 958_946_056]),
    (1, [2_693_262_067, 11_749_833, 2_265_367_787]),
    (0xFFFFFFFF, [3_850_105_811, 813_802_916, 3_073_704_848]),
]


@pytest.mark.parametrize("seed, want", VECTORS)
def test_numbers_of_a_seed_are_the_published_ones_as_whole_words(seed, want):
    random = Random(seed)
    assert [random() * 2**32 for _ in want] == want
