"""Peers in the study's harness, on made-up scores whose answers are known."""

import made_up
import numpy as np
import pytest

from lib.encoders.heads import label
from lib.evaluation import measures, paper, peers, results
from lib.evaluation.games import control_scores
from lib.files import digests
from lib.settings import SettingsError
from lib.study import Request, Study

TITLES = {"ear": "Ear"}
ABOUT = {
    "title": "Ear", "extra_data": "yes (other sounds)", "fsd50k_in_pretraining": "no", "selected_on": "its own clips",
    "crop": "the whole clip", "licence": "MIT", "published": 0.5, "source": "its paper", "parameters": 1000,
    "gmacs_a_second": 0.1, "seconds_an_hour": 2.0, "device": "cpu", "threads": 1,
    "trained_here": False, "beside": peers.BESIDE,
}  # fmt: skip


def give(part, game, scores_of):
    """Scores of every coalition of a game with something of its own in it, for each head and seed."""
    targets = np.load(part.folder / "scores" / "test.npz")["targets"]
    for seed in part.request.seeds:
        for number, subset in enumerate(s for s in game.coalitions if game.own & set(s)):
            for head in part.settings.heads.kinds:
                noise = np.random.default_rng([seed, number]).random(targets.shape)
                path = control_scores(part, game.control, label(subset), head, seed)
                digests.write_array(path, scores_of(subset, targets, noise).astype(np.float32))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A peer that knows a little alone, everything with pitch, and with timbre no more than alone; to be read."""

    def scores(subset, targets, noise):
        alone = 0.4 * targets + np.random.default_rng(5).random(targets.shape)
        return targets + 0.1 * noise if {"pitch", "ear"} <= set(subset) else alone

    with pytest.MonkeyPatch.context() as patch:
        made = made_up.study(tmp_path_factory.mktemp("peers"), patch)
        for part in made.parts:
            for game in (peers.five("ear"), peers.on_chunks("ear"), peers.beside("ear")):
                give(part, game, scores)
            for name, told in (("ear", ABOUT), (peers.OURS, ABOUT | {"title": "all four", "published": None})):
                digests.write_json(control_scores(part, name, "", "", 0).with_name("about.json"), told)
        yield made


@pytest.fixture(scope="module")
def gains(study):
    table = peers.gain_table({"ear": peers.played_games(study, "ear")})
    assert list(table) == list(peers.gain_table({}))
    return table


@pytest.fixture(scope="module")
def subsets(study):
    return results.write_subsets(study)


def row(gains, **wanted):
    usual = {"group": "all", "against": "", "level": "clip", "head": "paper"}
    return gains.loc[np.logical_and.reduce([gains[name] == value for name, value in (usual | wanted).items()])].iloc[0]


def test_a_peer_is_there_once_all_its_scores_are(study):
    assert peers.there(study) == ["ear"]
    lost = peers.beside("ear").file(study.parts[1], ("ear", "logmel"), "linear", 1)
    away = lost.rename(lost.with_suffix(".away"))
    try:
        assert peers.there(study) == []
    finally:
        away.rename(lost)


def test_what_is_gained_is_the_difference_of_two_measured_coalitions(study, gains):
    pitch = row(gains, added="pitch")
    assert pitch["with"] == pytest.approx(1, abs=1e-9)
    assert pitch["difference"] == pytest.approx(pitch["with"] - pitch["without"])
    assert pitch["low"] > 0
    timbre = row(gains, added="timbre")
    assert (timbre["difference"], timbre["low"], timbre["high"]) == pytest.approx((0, 0, 0))


def test_a_gain_is_held_against_what_each_control_gains_in_its_place(gains):
    for name in ("noise", "untrained_pitch", "logmel", "twice"):
        assert row(gains, added="pitch", against=name)["difference"] == pytest.approx(
            row(gains, added="pitch")["difference"] - row(gains, added=name)["difference"]
        )
    assert not ((gains["added"] == "pitch") & (gains["against"] == "untrained_timbre")).any()


def test_the_sentence_says_what_is_gained_by_which_classes(study, gains):
    pitch, timbre = peers.sentences(gains, TITLES, study.title, "clip", "paper")
    gain = row(gains, added="pitch")
    assert pitch.startswith("On this corpus (ESC-50) Ear gains from pitch: by ")
    assert f"{100 * gain['difference']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f}) points" in pitch
    assert "pitch brings significantly more than noise, untrained pitch, log-mel and its own embedding twice" in pitch
    assert "Of its 2 branches" in pitch
    corrected = gains.assign(p_holm=np.where(gains["against"] == "noise", 0.06, gains["p_holm"]))
    once_more, _ = peers.sentences(corrected, TITLES, study.title, "clip", "paper")
    more = "pitch brings significantly more than untrained pitch, log-mel and its own embedding twice"
    assert f"{more} (after Holm's correction)" in once_more
    assert timbre.startswith("On this corpus (ESC-50) Ear is not shown to gain from timbre: by ")
    assert "0 gain (uncorrected: 0)" in timbre


def test_a_gain_that_holm_takes_away_is_not_called_one(study, gains):
    """Its interval leaves out zero, its corrected p is the one that the table beside it has."""
    gains = gains.assign(p=0.02, p_holm=0.3)
    for one in peers.sentences(gains, TITLES, study.title, "clip", "paper"):
        assert "Ear is not shown to gain from" in one and "(p = 0.300 after Holm, though p = 0.020 by itself)" in one
    pitch, _ = peers.sentences(gains.assign(p_holm=0.04, difference=-0.1), TITLES, study.title, "clip", "paper")
    assert "Ear loses from pitch" in pitch and "(p = 0.040 after Holm)" in pitch


def test_the_table_has_both_ways_of_hearing_with_each_head(study, subsets):
    table = peers.peer_table(study, subsets)
    mine = table[table["peer"] == "ear"]
    assert len(mine) == 2 * len(study.settings.heads.kinds) * len(peers.MEASURES)
    assert set(mine["heard"]) == {"own windows", "1 s chunks"}
    assert set(mine.query("heard == '1 s chunks'")["crop"]) == {"1 s chunks, mean of scores"}
    assert (mine["low"] <= mine["value"]).all()
    assert (mine["value"] <= mine["high"]).all()
    assert set(table.loc[table["row"] == "all four", "parameters"]) == {1000}


def test_on_other_sounds_table_2_has_what_was_run_and_no_published_number(study, subsets):
    table = paper.table2(study, subsets)
    assert list(table["row"]) == ["Ear", "Ear", "all four"]
    assert table["published"].isna().all()
    assert table["obtained"].notna().all()


def test_on_fsd50k_published_rows_stand_with_their_source_and_peers_in_table_and_ledger(study, subsets, monkeypatch):
    monkeypatch.setattr(paper, "is_the_papers", lambda study: True)
    table = paper.table2(study, subsets).set_index("row")
    assert list(table.index[-2:]) == ["Ear", "Ear"]
    assert "undistilled teacher" in table.loc["Knowledge Distillation (its teacher)", "source"]
    assert table.loc["CLAP", "fsd50k_in_pretraining"].startswith("YES")
    assert table.loc["all four", "obtained"] == pytest.approx(
        results.cell(subsets, "pitch+timbre+neuralogram+waveform", "paper", "map_macro", "clip")["value"]
    )
    assert table.loc["all four", "parameters"] == 1000
    claims = paper.ledger(study, subsets).set_index("claim")
    assert claims.loc["Table 2: Ear, own windows", "published"] == 0.5


def test_without_a_peer_nothing_is_added(tmp_path, monkeypatch):
    made = made_up.study(tmp_path, monkeypatch)
    subsets = results.write_subsets(made)
    assert peers.there(made) == []
    assert len(peers.peer_table(made, subsets)) == len(paper.table2(made, subsets)) == 0


def test_clips_that_one_names_right_and_the_other_does_not_are_those_counted_by_hand(study):
    table = peers.alone_table(study, ["ear"], "paper")
    part = study.parts[0]
    ids = results.Scores(part).stored["clip"]
    mine = table[table["fold"] == part.fold]
    assert set(mine["clip"]) <= set(ids)
    assert set(mine["right"]) <= {"ear", "pitch+timbre"}
    assert (table["margin"] > 0).all()
    assert table["margin"].is_monotonic_decreasing
    test, game = results.Scores(part), peers.five("ear")
    ids, targets = measures.clip_targets(test.stored["targets"], ids)
    by_hand = set()
    scores = {
        name: np.mean([test.read(name, "paper", seed, game)["clip"] for seed in part.request.seeds], axis=0)
        for name in ("ear", "pitch+timbre")
    }
    for clip, number in np.argwhere(targets > 0):
        highest = {name: each[clip][targets[clip] == 0].max() for name, each in scores.items()}
        right = [name for name, each in scores.items() if each[clip, number] > highest[name]]
        by_hand |= {(ids[clip], str(test.stored["classes"][number]), right[0])} if len(right) == 1 else set()
    assert by_hand == set(zip(mine["clip"], mine["label"], mine["right"], strict=True))
    assert "Ear alone: " in peers.known_alone(table, "Ear")
    assert len(peers.alone_table(study, [], "paper")) == 0
    first = peers.clearest(table, 1)
    assert list(first["margin"]) == [table.loc[table["right"] == who, "margin"].max() for who in first["right"]]
    words = [peers.says_who(row, {"ear": "Ear"}) for row in first.itertuples()]
    assert words == [
        f"{row.label}: named right by {'Ear' if row.right == 'ear' else 'pitch and timbre, and not by Ear'}"
        for row in first.itertuples()
    ]


def test_peers_change_no_other_result(tmp_path, monkeypatch):
    """They are part of what is asked for, not of the settings that results depend on."""
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))
    with_peers, without = (Study.of(Request(peers=text)) for text in ("silero", ""))
    assert with_peers.folder == without.folder
    assert with_peers.settings == without.settings
    with pytest.raises(SettingsError):
        Study.of(Request(set="peers=silero"))
