"""What is damaged in a run is taken out, with the outputs without which the graph makes it again."""

from pathlib import Path

import pytest

from lib.cli.repair import outputs_of, take_out_damaged
from lib.files import digests


@pytest.mark.parametrize(("damaged", "without"), [
    ("tables/contributions.csv", []), ("fold2/tables/subsets.csv", ["tables/subsets.csv", "fold2/tables/subsets.csv"]),
    ("tables/penalties.csv", ["tables/subsets.csv"]),
    ("scores/pitch+timbre-linear-seed0.npy", ["tables/subsets.csv"]),
    ("tables/robustness_half.csv", []),
    ("scores/controls/noise/pitch-linear-seed0.npy", ["tables/subsets.csv"]),
    ("checkpoints/heads-seed2/linear.safetensors", ["tables/subsets.csv"]),
    ("checkpoints/pitch-seed2/embeddings.npy", ["tables/subsets.csv", "scores/pitch-own-seed2.npy"]),
    ("checkpoints/pitch-seed2/encoder-epoch1.safetensors",
     ["tables/subsets.csv", "scores/pitch-own-seed2.npy", "checkpoints/pitch-seed2/encoder.json"]),
    ("fold3/checkpoints/pitch-seed0/embeddings.npy",
     ["tables/subsets.csv", "fold3/tables/subsets.csv", "fold3/scores/pitch-own-seed0.npy"]),
])  # fmt: skip
def test_which_outputs_the_graph_must_make_again(damaged, without):
    last = ["tables/table1.csv", "tables/neighbours.csv", "tables/peers.csv", "tables/robustness.csv"]
    assert [path.as_posix() for path in outputs_of(Path(damaged))] == [*last, *without]


@pytest.mark.parametrize("damaged", ["request.json", "study.json", "timing/train pitch, seed 0.json"])
def test_what_the_next_call_writes_anyway_costs_nothing(damaged):
    assert list(outputs_of(Path(damaged))) == []


def test_what_is_damaged_is_taken_out_and_said_and_nothing_else(home):
    run = home / "runs" / "x"
    for name in ("study.json", "checkpoints/pitch-seed0/encoder.json", "checkpoints/timbre-seed0/encoder.json"):
        digests.write_json(run / name, {"a": 1})
    for name in ("subsets", "contributions", "table1"):
        with digests.sealed(run / "tables" / f"{name}.csv") as temporary:
            temporary.write_text("a,b\n1,2\n")
    assert take_out_damaged(run) == []
    (run / "tables" / "table1.csv").write_text("a,b\n1,3\n")
    (run / "checkpoints" / "pitch-seed0" / "encoder.json").write_text("{}")
    words = "is damaged, or was changed since it was written: it is made again"
    assert take_out_damaged(run) == [
        f"runs/x/checkpoints/pitch-seed0/encoder.json {words}", f"runs/x/tables/table1.csv {words}",
    ]  # fmt: skip
    left = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file() and path.name[0] != "."}
    assert left == {
        "study.json", "checkpoints/timbre-seed0/encoder.json", "tables/contributions.csv", "tables/table1.csv.changed",
    }  # fmt: skip
    assert (run / "tables" / "table1.csv.changed").read_text() == "a,b\n1,3\n"
    assert take_out_damaged(run) == []
