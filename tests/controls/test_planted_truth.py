"""The planted truth in the shares: pitch's family goes to pitch, timbre's to timbre, noise gets nothing.

On the embedded corpus itself, with the encoders of the smallest real preset (two of them, which the truth is about),
trained for six epochs, which is enough.
"""

import numpy as np
import pandas as pd
import pytest

from lib import files, stages
from lib.controls import constructed
from lib.encoders.heads import HeadData, HeadPlan, label, score_subsets
from lib.encoders.training import device_of
from lib.evaluation import contributions, frozen, games
from lib.evaluation.scores import write_constant, write_test_set
from lib.study import Request, Study

pytestmark = pytest.mark.slow
PLAYERS = ("pitch", "timbre", "noise")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, planted_corpus, with_filters):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDY_HOME", str(with_filters(tmp_path_factory.mktemp("home"))))
        study = Study.of(Request(root=str(planted_corpus), preset="quick", device="cpu", set="training.epochs=6"))
        for name in ("pitch", "timbre"):
            stages.train(study, name, 0)
        write_test_set(study)
        write_constant(study)
        yield study


@pytest.fixture(scope="module")
def played(trained):
    """Pitch, timbre and 64 numbers of noise, by both heads."""
    chunks, settings = trained.chunks, trained.settings
    game = games.Game("planted3", PLAYERS, "planted", frozenset(PLAYERS))
    embeddings = {name: frozen.read_embeddings(trained, name, 0) for name in PLAYERS[:2]}
    embeddings["noise"] = np.random.default_rng(7).normal(size=(len(chunks), 64)).astype(np.float32)
    found = {}
    for head in settings.heads.kinds:
        data, plan = HeadData(embeddings, chunks.targets, chunks.groups), HeadPlan.of(settings, head)
        for subset, scores in score_subsets(data, chunks.rows("train"), chunks.rows("test"), plan, 0, device_of("cpu")):
            with files.atomic_write(games.control_scores(trained, "planted", label(subset), head, 0)) as temporary:
                np.save(temporary, scores)
        rows = contributions.share_rows(contributions.play(trained, game, "chunk", head, ["map_macro"]))
        found[head] = pd.DataFrame(rows).set_index(["group", "encoder"])
    return found


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_each_familys_share_goes_to_the_encoder_that_can_know_it(played, head):
    share = played[head]["share"]
    for family, other in (("pitch", "timbre"), ("timbre", "pitch")):
        assert share[f"branch:{family}", family] > share[f"branch:{family}", other] + 0.15
        assert played[head]["low"][f"branch:{family}", family] > 0


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_noise_gets_nothing(played, head):
    rows = played[head].loc["all"]
    assert rows.loc["noise", "low"] <= 0
    assert rows["share"].abs().idxmin() == "noise"


def test_copies_of_a_trained_encoder_share_alike(trained):
    for _, rows in constructed.copies(trained, 0).groupby("head"):
        shared = rows.set_index("player")["share"]
        assert shared["pitch"] == pytest.approx(shared["pitch copy"], abs=1e-3)
        assert rows["with_copy"].iloc[0] < 0


def test_the_exclusive_or_needs_both_and_a_hidden_layer(trained):
    found = constructed.xor(trained, 0).set_index(["head", "subset"])["value"]
    alone = max(found[head, name] for head in ("paper", "linear") for name in ("pitch", "timbre"))
    assert alone < 0.65
    assert found["linear", "pitch+timbre"] < 0.57
    assert found["paper", "pitch+timbre"] > max(0.7, alone + 0.1)
