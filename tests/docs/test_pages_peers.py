"""What a page says of other systems, from the tables of a record made by hand."""

import json

import pandas as pd
import pytest
from pages import peers as results_peers
from pages.recorded import NotRecorded, Record

PLAYERS = ("pitch", "timbre", "neuralogram", "waveform", "ear")


def gain(added, group, difference, against="", low=None, p=0.9):
    low = difference - 0.02 if low is None else low
    return {"peer": "ear", "added": added, "against": against, "group": group, "measure": "map_macro", "level": "clip", "head": "paper",
            "without": 0.5, "with": 0.5 + difference, "difference": difference, "low": low, "high": 2 * difference - low, "p": p,
            "seeds": 1, "p_holm": p}  # fmt: skip


@pytest.fixture
def record(tmp_path):
    folder = tmp_path / "esc50-laptop-peers"
    (folder / "tables").mkdir(parents=True)
    (folder / "study.json").write_text(
        json.dumps({"make": "make study CORPUS=esc50 ROOT=path/to/esc10 PEERS=ear", "corpus": "esc50"})
    )
    cost = {"parameters": 1_500_000, "seconds_an_hour": 12.3}
    reached = [
        {"row": row, "peer": peer, "heard": heard, "head": "paper", "measure": measure, "value": value, "low": value - 0.1, "high": value + 0.1} | cost
        for row, peer, heard in (("Ear", "ear", "own windows"), ("Ear", "ear", "1 s chunks"), ("all four", "", "1 s chunks"))
        for measure, value in (("map_macro", 0.6), ("top1", 0.7))
    ]  # fmt: skip
    added = [gain("pitch", "all", 0.1, low=0.05, p=0.001), gain("timbre", "all", -0.01)]
    added += [gain(name, "all", 0.0) for name in ("noise", "logmel")]
    added += [
        gain(one, "all", 0.09, against=name, low=0.04) for one in ("pitch", "timbre") for name in ("noise", "logmel")
    ]
    added += [
        gain("pitch", "class:dog", 0.3, low=0.2, p=0.001),
        gain("pitch", "class:rain", 0.1, low=0.01),
        gain("timbre", "class:rain", 0.0),
    ]
    kind = {"game": "ear5", "measure": "map_macro", "level": "clip", "head": "paper"}
    shares = [
        kind
        | {"encoder": name, "group": "all", "share": 0.1 * place, "low": 0.1 * place - 0.05, "high": 0.1 * place + 0.05}
        for place, name in enumerate(PLAYERS)
    ]
    pairs = [kind | {"first": "pitch", "second": "ear", "value": -0.2, "low": -0.3, "high": -0.1},
             kind | {"first": "timbre", "second": "ear", "value": -0.1, "low": -0.3, "high": 0.1}]  # fmt: skip
    alone = [{"peer": "ear", "fold": 1, "clip": clip, "right": right, "label": label}
             for clip, right, label in (("a", "ear", "dog"), ("b", "ear", "dog"), ("b", "ear", "rain"), ("c", "pitch+timbre", "rain"))]  # fmt: skip
    tables = {
        "peers": reached,
        "peer_gains": added,
        "peer_contributions": shares,
        "peer_interactions": pairs,
        "peer_alone": alone,
    }
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(folder / "tables" / f"{name}.csv", index=False)
    return Record(folder)


def test_each_system_has_a_row_for_each_way_of_hearing(record):
    lines = results_peers.reached(record).splitlines()
    assert lines[2] == "| Ear | own windows | 60.0 (50.0 to 70.0) | 70.0 (60.0 to 80.0) | 1.50 M | 12 |"
    assert len(lines) == 5


def test_gains_are_those_of_the_notebook_on_the_sounds_of_the_record(record):
    pitch, timbre = results_peers.gained(record).splitlines()
    assert pitch.startswith("- On this corpus (ESC-10) Ear gains from pitch: by +10.0 (+5.0 to +15.0) points")
    assert "1 gains: dog +30.0" in pitch
    assert "Ear is not shown to gain from timbre" in timbre


def test_classes_are_named_where_their_own_interval_lies_above_zero(record):
    assert (
        results_peers.gaining_classes(record)
        == "Classes that gain, each interval by itself: Ear from pitch: dog and rain."
    )


def test_what_is_replaced_and_what_is_left_by_the_ends_of_their_intervals(record):
    assert results_peers.redundant(record) == (
        "- Ear: pitch adds less beside it than by itself (interaction -20.0 (-30.0 to -10.0) points), and no clear share is left to pitch: 0.0 (-5.0 to 5.0); "
        "timbre adds neither clearly less nor more beside it than by itself (interaction -10.0 (-30.0 to +10.0) points), and a share is left to timbre: 10.0 (5.0 to 15.0)."
    )
    line = results_peers.shared_out(record).splitlines()[2]
    assert line.startswith("| Ear | 0.0 (-5.0 to 5.0) | 10.0 (5.0 to 15.0) |")
    assert line.endswith("| 40.0 (35.0 to 45.0) | -20.0 (-30.0 to -10.0) | -10.0 (-30.0 to +10.0) |")


def test_who_is_right_alone_is_counted_by_class(record):
    assert (
        results_peers.alone(record)
        == "- Named right by Ear alone: 3 labels of 2 clips (dog 2, rain 1); by pitch and timbre alone: 1 clip (rain 1)."
    )


def test_a_record_without_peers_says_so(tmp_path):
    (tmp_path / "tables").mkdir()
    with pytest.raises(NotRecorded, match="has no table peers"):
        results_peers.reached(Record(tmp_path))
