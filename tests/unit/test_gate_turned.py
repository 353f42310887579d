"""The hashes of turned and mirrored pictures, from a hash alone."""

import pytest
from pictures import photo

from vangnet import _core
from vangnet.gate.turned import turned
from vangnet.hashing.model import View


def coefficients(seed: int) -> bytes:
    picture = photo(seed, 320, 240)
    made, _ = _core.pdq_transform(picture.convert("RGB").tobytes(), 320, 240)
    return made


def test_they_lie_near_those_that_are_worked_out_from_the_picture() -> None:
    for seed in range(20):
        made = coefficients(seed)
        exact = dict(zip(View, _core.pdq_dihedral_hashes(made), strict=True))
        near = turned(_core.pdq_hash(made))
        distances = {view: _core.hamming_distance(exact[view], near[view]) for view in View}
        assert distances[View.ORIGINAL] == distances[View.TRANSPOSE] == 0
        assert max(distances.values()) <= 26, f"{distances} with seed {seed}"


def test_another_rule_than_that_of_each_view_would_be_far_off() -> None:
    made = coefficients(1)
    exact = dict(zip(View, _core.pdq_dihedral_hashes(made), strict=True))
    near = turned(_core.pdq_hash(made))
    assert min(_core.hamming_distance(exact[one], near[other]) for one in View for other in View if one != other) > 60


@pytest.mark.parametrize("view", View)
def test_turning_back_gives_the_hash_itself(view: View) -> None:
    hash_ = _core.pdq_hash(coefficients(2))
    back = {View.ROTATE90: View.ROTATE270, View.ROTATE270: View.ROTATE90}.get(view, view)
    assert turned(turned(hash_)[view])[back] == hash_
