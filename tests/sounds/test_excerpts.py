"""Excerpts of clips: where they begin, what fills the rest of a second, how many chunks they are."""

import numpy as np
import pytest

from lib.settings import Chunking
from lib.sounds.excerpts import DRAWS, LENGTHS_S, Excerpt, excerpts, heard

RULE = Chunking()
CLIP = np.arange(1, 5 * 16000 + 1, dtype=np.float32) / 1e5  # 5 s, every sample another


def test_excerpts_are_no_longer_than_the_longest_clip():
    found = excerpts(5.0)
    assert max(each.length_s for each in found) == 5 and {each.length_s for each in excerpts(0.4)} == {
        x for x in LENGTHS_S if x <= 1
    }
    assert len({each.name for each in found}) == len(found)
    assert sum(each.length_s == 0.1 for each in found) == 3 * (1 + DRAWS)


@pytest.mark.parametrize("length_s", [1, 2, 5])
def test_from_the_start_the_seconds_are_those_of_the_study(length_s):
    assert np.array_equal(heard(CLIP, "a", Excerpt(length_s, "start"), RULE).ravel(), CLIP[: length_s * 16000])


def test_a_tenth_is_repeated_filled_with_zeros_or_left_in_its_second():
    tenth = CLIP[:1600]
    repeated, zeros, context = (
        heard(CLIP, "a", Excerpt(0.1, "start", fill), RULE)[0] for fill in ("repeat", "zeros", "context")
    )
    assert np.array_equal(repeated, np.tile(tenth, 10))
    assert np.array_equal(zeros[:1600], tenth) and not zeros[1600:].any()
    assert np.array_equal(context, CLIP[:16000])


def test_a_random_place_is_the_clips_own_and_the_same_for_every_fill():
    repeated, context = (heard(CLIP, "a", Excerpt(0.2, "random", fill), RULE)[0] for fill in ("repeat", "context"))
    assert repeated[0] in context and np.array_equal(repeated[:3200], repeated[3200:6400])
    again, other = (heard(CLIP, name, Excerpt(0.2, "random", "repeat"), RULE)[0] for name in ("a", "b"))
    assert np.array_equal(repeated, again) and not np.array_equal(repeated, other)


def test_a_clip_shorter_than_the_excerpt_is_heard_whole():
    short = CLIP[:8000]
    for length_s, fill in ((0.7, "repeat"), (0.7, "context"), (3, "")):
        (chunk,) = heard(short, "a", Excerpt(length_s, "random", fill), RULE)
        assert np.array_equal(chunk, np.tile(short, 2))
