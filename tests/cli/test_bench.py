"""The benchmark: its lines, its pictures, and the plain forms that it compares with."""

import json

import pytest
import torch
from pictures import apart_and_inside

from lib.cli import bench
from lib.display import figures
from lib.settings import Settings


def result(name, ratio=2.0):
    return bench.Result(name, 1.0, "a peer", ratio, ratio, "equal", 2, "a machine")


def test_a_part_of_the_cases_replaces_their_lines_and_keeps_the_others(tmp_path):
    path = tmp_path / "bench.json"
    assert [line["name"] for line in bench.merged(path, [result("a"), result("b")])] == ["a", "b"]
    path.write_text(json.dumps(bench.merged(path, [result("a"), result("b")])))
    lines = bench.merged(path, [result("b", 5.0)])
    assert [(line["name"], line["ratio"]) for line in lines] == [("a", 2.0), ("b", 5.0)]
    assert set(lines[0]) == {"name", "ours_ms", "peer", "peer_ms", "ratio", "agreement", "threads", "machine"}


def test_a_ratio_is_peer_over_ours():
    clock = {"ours": 1e6, "theirs": 3e6}
    work = {name: lambda n=n: sum(range(int(n))) for name, n in clock.items()}
    case = bench.Case("a", "b", work["ours"], work["theirs"], (1, 1), lambda: "as told")
    found = bench.measure(case, 1)
    assert found.ratio == pytest.approx(found.peer_ms / found.ours_ms)
    assert 1.5 < found.ratio < 6 and found.agreement == "as told"


@pytest.mark.parametrize("draw", [
    lambda: bench.figure_of([{"name": "a", "ratio": 2.0, "peer": "b"}, {"name": "c", "ratio": 200.0, "peer": "d"}]),
    lambda: bench.cost_figure({"a": [0.01, 0.2, 0.4, 0.8], "b": [1, 2, 3, 40]}),
])  # fmt: skip
def test_pictures_are_drawn_from_lines_alone_and_ticks_are_plain_numbers(draw):
    with figures.style():
        figure = draw()
        told = [text for text, _ in apart_and_inside(figure)]
    assert "10" in told
    assert not any("$" in text for text in told)


def test_the_plain_body_gives_the_same_numbers():
    torch.manual_seed(0)
    tokens, body = torch.randn(3, 40, 64), bench.Transformer(Settings().body).eval()
    plain = bench.plain_body(body, 0.3).eval()
    assert torch.allclose(body(tokens), plain(tokens), atol=1e-5)
