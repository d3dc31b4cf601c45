"""The benchmark: its lines, its pictures, and the plain forms that it compares with."""

import json
import time

import numpy as np
import pandas as pd
import pytest
import torch
from bench import __main__ as command
from bench import case, cost, plain, step, steps, study
from bench.count import Counted
from pictures import apart_and_inside

from lib.display import figures
from lib.encoders.transformer import Transformer
from lib.plots.sounds import tone
from lib.representations import make
from lib.settings import Settings


def result(name, ratio=2.0):
    return case.Result(name, 1.0, "a peer", ratio, ratio, "equal", 2, "a machine")


def test_a_part_of_the_cases_replaces_their_lines_and_keeps_the_others(tmp_path):
    path = tmp_path / "bench.json"
    assert [line["name"] for line in command.merged(path, [result("a"), result("b")])] == ["a", "b"]
    path.write_text(json.dumps(command.merged(path, [result("a"), result("b")])))
    lines = command.merged(path, [result("b", 5.0)])
    assert [(line["name"], line["ratio"]) for line in lines] == [("a", 2.0), ("b", 5.0)]
    assert set(lines[0]) == {"name", "ours_ms", "peer", "peer_ms", "ratio", "agreement", "threads", "machine"}


def test_a_ratio_is_peer_over_ours(monkeypatch):
    """Measured by what this process spends: other work of the machine changes the wall's time of each round."""
    monkeypatch.setattr(case.time, "perf_counter", time.process_time)
    clock = {"ours": 1e6, "theirs": 3e6}
    work = {name: lambda n=n: sum(range(int(n))) for name, n in clock.items()}
    one = case.Case("a", "b", work["ours"], work["theirs"], (1, 1), lambda: "as told")
    found = case.measure(one, 1)
    assert found.ratio == pytest.approx(found.peer_ms / found.ours_ms)
    assert 1.5 < found.ratio < 6 and found.agreement == "as told"


@pytest.mark.parametrize("draw", [
    lambda: command.figure_of([{"name": "a", "ratio": 2.0, "peer": "b"}, {"name": "c", "ratio": 200.0, "peer": "d"}]),
    lambda: cost.cost_figure({"a": [0.01, 0.2, 0.4, 0.8], "b": [1, 2, 3, 40]}),
])  # fmt: skip
def test_pictures_are_drawn_from_lines_alone_and_ticks_are_plain_numbers(draw):
    with figures.style():
        figure = draw()
        told = [text for text, _ in apart_and_inside(figure)]
    assert "10" in told
    assert not any("$" in text for text in told)


def test_the_plain_body_gives_the_same_numbers():
    torch.manual_seed(0)
    tokens, body = torch.randn(3, 40, 64), Transformer(Settings().body).eval()
    plain = steps.plain_body(body, 0.3).eval()
    assert torch.allclose(body(tokens), plain(tokens), atol=1e-5)


# What a GPU is asked for


SLOW = step.Machine("slow", flops_a_s=1e9, bytes_a_s=1e6, kernel_s=0.5, cores=2)


def test_a_stage_takes_what_its_kernels_move_or_its_arithmetic_and_a_kernel_its_least_time():
    stage = step.Stage("a", Counted(moved=[4_000_000, 1000], flops=10**9), times=3)
    assert stage.seconds(SLOW) == pytest.approx(3 * (4 / step.SHARE + 0.5))
    assert stage.bound(SLOW) == pytest.approx(3 * 4.001)
    products = step.Stage("b", Counted(moved=[1000], flops=10**10), times=1)
    assert products.seconds(SLOW) == pytest.approx(10 / step.SHARE) and products.bound(SLOW) == pytest.approx(10)


def test_stages_follow_one_another_by_the_hour_and_say_that_they_are_projected():
    rows = step.timetable(
        "m", [{"stage": "a", "seconds": 1800, "bound_s": 900}, {"stage": "b", "seconds": 3600, "bound_s": None}]
    )
    assert [(row["from_hour"], row["to_hour"]) for row in rows] == [(0, 0.5), (0.5, 1.5)]
    assert [row["times_the_bound"] for row in rows] == [2, None]
    assert {row["kind"] for row in rows} == {"projection"}


def test_what_the_command_writes_of_steps(tmp_path, capsys):
    step.main(tmp_path, Settings.preset("tiny"))
    lines = json.loads((tmp_path / "step.json").read_text())
    assert {line["name"] for line in lines} == {"pitch", "timbre", "mobilenet", "neuralogram", "waveform", "heads"}
    assert all(line["host_copies"] == 0 < min(line["kernels"], line["flops"], line["bytes"]) for line in lines)
    table = pd.read_csv(tmp_path / "projection.csv")
    of_one = table[table["machine"] == table["machine"].iloc[0]]
    assert {"train waveform", "train mobilenet", "decode and cut"} <= set(of_one["stage"])
    assert (of_one["from_hour"].to_numpy()[1:] == of_one["to_hour"].to_numpy()[:-1]).all()
    assert "Projected, not measured" in capsys.readouterr().out


# The plain way


def test_the_parts_of_both_ways_make_one_ratio():
    found = study.compared({"a": 1.0, "intervals": 3.0}, {"a": 8.0, "intervals": 4.0})
    assert found["ratio"] == 3 and found["ratio_without_intervals"] == 8
    assert [(part["ratio"], part["share"]) for part in found["parts"]] == [(8, 0.667), (1.33, 0.333)]


def test_the_plain_way_computes_the_same_features():
    chunks = np.stack([tone(hz, 16000, n_partials=8) for hz in (220, 440)]).astype(np.float32)
    chunks += 1e-3 * np.random.default_rng(0).standard_normal(chunks.shape, dtype=np.float32)
    ours = {name: make(name, Settings()).compute(torch.from_numpy(chunks)).numpy() for name in ("pitch", "timbre")}
    assert (plain.pitch(chunks) == ours["pitch"])[:, :, 8:-8].mean() > 0.995
    np.testing.assert_allclose(plain.timbre(chunks), ours["timbre"], atol=0.05)


def test_the_plain_way_cuts_as_the_study_does():
    chunks = plain.cut(np.arange(2.6 * 16000, dtype=np.float32))
    assert chunks.shape == (3, 16000)
    assert np.array_equal(chunks[2], np.resize(np.arange(32000, 41600), 16000))
    assert len(plain.cut(np.zeros(35000))) == 2


def test_a_part_done_once_and_counted_n_times():
    count = case.Clock()
    with count("a", times=1000):
        sum(range(3_000_000))
    with count("b"):
        pass
    assert count.seconds["a"] > 10 > count.seconds["b"] >= 0
