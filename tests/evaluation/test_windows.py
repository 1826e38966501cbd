"""The frames of a test: the original's window, and the draw that reads any frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgutils.data.items import choose_frames
from mgutils.evaluation.windows import fixed_draw, wrapping_window


def slow(count, frames, begin, every):
    """The original's steps, one after the other."""
    kept = list(range(0, count, every))
    start = int(begin * len(kept))
    window = kept[start:start + frames]
    window += kept[:start][:frames - len(window)]
    step, place = 1, len(window) - 1
    while len(window) < frames:  # mirrored at both ends, which are not repeated
        step = -1 if place == len(kept) - 1 else 1 if place == 0 else step
        place += step if len(kept) > 1 else 0
        window.append(window[place])
    return window


@given(st.integers(1, 60), st.integers(1, 12), st.floats(0, 1, exclude_max=True), st.integers(1, 4))
def test_the_window_equals_a_slow_twin(count, frames, begin, every):
    found = wrapping_window(np.array([count]), frames, np.array([begin]), every)[0]
    assert found.tolist() == slow(count, frames, begin, every)
    assert found.min() >= 0 and found.max() < count and not (found % every).any()


def test_the_end_comes_before_the_beginning():
    assert wrapping_window(np.array([12, 3]), 4, np.array([0.7, 0.0])).tolist() == [[8, 10, 0, 2], [0, 2, 0, 2]]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), st.integers(1, 40), st.integers(0, 99))
def test_the_draw_reads_any_frames(lengths, frames, seed):
    length = np.array(lengths)
    index = np.random.default_rng(seed).integers(0, length[:, None], (len(length), frames))
    draw = fixed_draw("joints", index, length)
    assert (choose_frames(length, frames, draw.moments)[0] == index).all()
    assert draw.changes["joints"] == pytest.approx(np.zeros((len(length), 4)))
