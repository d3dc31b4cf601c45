"""Games with known answers on made-up embeddings: what only both together know, a linear head cannot use."""

import numpy as np
import pytest

from lib.controls import constructed
from lib.controls.constructed import xor_targets


def test_labels_hold_where_exactly_one_of_the_two_lies_in_its_first_half():
    classes = ("pitch_a", "pitch_b", "timbre_x", "timbre_y", "gesture_g")
    targets = np.array([[1, 0, 1, 0, 1], [0, 1, 1, 0, 0], [0, 1, 0, 1, 1], [1, 0, 0, 1, 0]])
    assert xor_targets(targets, classes).tolist() == [[0, 1], [1, 0], [0, 1], [1, 0]]


def test_every_way_to_part_the_classes_is_taken():
    classes = tuple(f"pitch_{k}" for k in range(6)) + tuple(f"timbre_{k}" for k in range(4))
    pairs = np.array([[p, 6 + t] for p in range(6) for t in range(4)])
    targets = np.zeros((24, 10), np.uint8)
    np.put_along_axis(targets, pairs, 1, axis=1)
    found = xor_targets(targets, classes)
    assert found.shape == (24, 2 * 10 * 3)
    assert (found.mean(0) == 0.5).all()
    assert len(np.unique(found.T, axis=0)) == 60
    for column in range(60):  # neither the pitch nor the timbre alone tells anything about a label
        of_pitch = [found[pairs[:, 0] == p, column].mean() for p in range(6)]
        of_timbre = [found[pairs[:, 1] == 6 + t, column].mean() for t in range(4)]
        assert of_pitch == [0.5] * 6 and of_timbre == [0.5] * 4


def test_other_corpora_have_no_exclusive_or():
    with pytest.raises(ValueError, match=r"no timbre_\* classes: the exclusive-or is made of the embedded corpus"):
        xor_targets(np.eye(3), ("pitch_a", "pitch_b", "dog"))


class Part:
    """As much of a study's part as the games read: 600 chunks of which each encoder knows its own family."""

    def __init__(self):
        from lib.settings import Settings

        rng, classes = np.random.default_rng(0), ("pitch_a", "pitch_b", "pitch_c", "pitch_d", "timbre_x", "timbre_y")
        self.pitch, self.timbre = rng.integers(4, size=600), rng.integers(2, size=600)
        targets = np.concatenate([np.eye(4)[self.pitch], np.eye(2)[self.timbre]], axis=1)
        self.settings = Settings.preset("tiny", {"heads.hidden": 64, "schedules.head.epochs": 40, "training.lr": 3e-3})
        self.request = type("Request", (), {"device": "cpu", "fold": 0})
        roles = np.repeat(["train", "test"], [400, 200])
        corpus = type("Corpus", (), {"classes": classes})
        rows = lambda self, *wanted: np.flatnonzero(np.isin(roles, wanted))  # noqa: E731
        of_chunks = {"targets": targets.astype(np.uint8), "groups": np.arange(600).astype(str), "corpus": corpus}
        self.chunks = type("Chunks", (), {**of_chunks, "rows": rows})()
        self.train_rows = rows(self, "train")
        noise = 0.3 * rng.normal(size=(2, 600, 8))
        of_pitch, of_timbre = (
            np.eye(4)[self.pitch] @ rng.normal(size=(4, 8)),
            np.eye(2)[self.timbre] @ rng.normal(size=(2, 8)),
        )
        self.embeddings = {
            "pitch": (of_pitch + noise[0]).astype(np.float32), "timbre": (of_timbre + noise[1]).astype(np.float32),
        }  # fmt: skip


@pytest.fixture
def part(monkeypatch):
    made = Part()
    monkeypatch.setattr(constructed, "read_embeddings", lambda part, name, seed: part.embeddings[name])
    return made


def test_only_both_with_a_hidden_layer_know_the_exclusive_or(part):
    found = constructed.xor(part, 0).set_index(["head", "subset"])["value"]
    for head in ("paper", "linear"):
        assert found[head, "pitch"] < 0.65
        assert found[head, "timbre"] < 0.65
    assert found["paper", "pitch+timbre"] > 0.9
    assert found["linear", "pitch+timbre"] < 0.65
    assert 0.5 < found["linear", "chance"] == found["paper", "chance"] < 0.52


def test_the_exclusive_or_has_intervals_over_groups_of_test_clips(part):
    found = constructed.xor(part, 0)
    assert (found["low"] <= found["value"]).all() and (found["value"] <= found["high"]).all()
    by = found.set_index(["head", "subset"])
    assert (
        by.loc[("paper", "pitch+timbre"), "low"] > by.loc[("paper", "pitch"), "high"]
    )  # clearly more than either alone
    part.chunks.groups = np.repeat(["a", "b", "c"], 200)  # all test clips in one group
    alone = constructed.xor(part, 0)
    assert alone["value"].notna().all() and alone[["low", "high"]].isna().all(axis=None)


def test_copies_share_alike_and_replace_each_other(part):
    for _, rows in constructed.copies(part, 0).groupby("head"):
        shares = rows.set_index("player")["share"]
        assert shares["pitch"] == pytest.approx(shares["pitch copy"], abs=1e-6)
        assert rows["with_copy"].iloc[0] < 0
