"""Pictures of made-up tables: written whole, the same bytes twice, nothing cut off, nothing on top of anything else."""

import pandas as pd
import pytest
from made_up import study
from pictures import apart_and_inside

from lib.display import figures as plots
from lib.encoders.heads import ALL_FOUR
from lib.evaluation import comparisons, contributions, games, paper, results
from lib.plots import tables

KINDS = ("pdf", "svg", "png")


def doubled(table):
    """A table as it is where each clip is one chunk: both levels hold the same."""
    of_clips = table[table["level"] == "clip"]
    return pd.concat([of_clips.assign(level=level) for level in results.LEVELS], ignore_index=True)


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """A function of name that draws each figure anew."""
    with pytest.MonkeyPatch.context() as patch:
        made = study(tmp_path_factory.mktemp("home"), patch)
        table = results.write_subsets(made)
        played = [
            contributions.play(made, games.paper4(), level, head, ["map_macro"])
            for level in results.LEVELS
            for head in ("paper", "linear")
        ]
        shown = contributions.table(played, contributions.share_rows).query("group == 'all'")
        marginals = contributions.table(played, contributions.marginal_rows)
        branches, one = comparisons.branch_table(made), paper.table1(made, table)
        oracle = dict.fromkeys(results.LEVELS, 1.0)
        yield {
            "subsets": lambda: tables.subset_figure(table, "top1", oracle),
            "subsets in d'": lambda: tables.subset_figure(table, "d_prime", oracle),
            "heads": lambda: tables.head_figure(table, "top1"),
            "shares": lambda: tables.shares_by_head(shown),
            "marginals": lambda: tables.marginal_figure(shown, marginals),
            "subsets of single chunks": lambda: tables.subset_figure(doubled(table), "top1", oracle),
            "heads of single chunks": lambda: tables.head_figure(doubled(table), "top1"),
            "shares of single chunks": lambda: tables.shares_by_head(doubled(shown)),
            "marginals of single chunks": lambda: tables.marginal_figure(doubled(shown), doubled(marginals)),
            "branches": lambda: tables.branch_figure(branches),
            "table1": lambda: tables.table1_figure(one, "esc50"),
            "table1 on fsd50k": lambda: tables.table1_figure(one.assign(published=0.4), "fsd50k"),
        }


NAMES = ("subsets", "subsets in d'", "heads", "shares", "marginals", "branches", "table1", "table1 on fsd50k")
ONCE = tuple(f"{name} of single chunks" for name in ("subsets", "heads", "shares", "marginals"))


@pytest.mark.parametrize("name", ["subsets", "table1", "branches"])
def test_files_are_written_and_stable(figures, tmp_path, name):
    for folder in ("a", "b"):
        plots.save(figures[name](), tmp_path / folder / "figure")
    for kind in KINDS:
        first, again = ((tmp_path / folder / f"figure.{kind}").read_bytes() for folder in ("a", "b"))
        assert len(first) > 1000
        assert first == again


@pytest.mark.parametrize("name", [*NAMES, *ONCE])
def test_text_is_inside_and_apart(figures, name):
    with plots.style():
        boxes = apart_and_inside(figures[name]())
    assert len(boxes) > 5


@pytest.mark.parametrize("name", ONCE)
def test_clips_that_are_chunks_are_drawn_once_and_it_says_so(figures, name):
    whole, once = figures[name.removesuffix(" of single chunks")](), figures[name]()
    assert len(once.axes) == len(whole.axes) - 1
    assert [axis.get_title(loc="left") for axis in once.axes if axis.get_title(loc="left") != "encoders"] == [
        "clips, each of one chunk"
    ]
    assert {axis.get_title(loc="left") for axis in whole.axes} >= {"chunks", "clips"}


def test_published_bars_stand_only_where_there_are_published_numbers(figures):
    told = {name: figures[name]() for name in ("table1", "table1 on fsd50k")}
    bars = {name: len(figure.axes[0].patches) for name, figure in told.items()}
    words = {name: " ".join(text.get_text() for text in figure.legends[0].get_texts()) for name, figure in told.items()}
    assert bars == {"table1": 5, "table1 on fsd50k": 10}
    for patch, tick in zip(told["table1"].axes[0].patches, told["table1"].axes[0].get_yticks(), strict=True):
        assert patch.get_y() + patch.get_height() / 2 == pytest.approx(tick)  # no gap where a published bar would stand
    assert "published" not in words["table1"] and "published" in words["table1 on fsd50k"]
    assert told["table1"].axes[0].get_title(loc="left") == "Table 1 on esc50: top 1 of 1 s chunks"


def test_many_branches_are_rows_and_their_names_keep_apart():
    """Eighteen branches, as FSD50K has, on a page that is higher than wide."""
    names = [f"Domestic_sounds_and_home_sounds_{n:02d}" for n in range(18)]
    models = [("pitch", "own"), ("neuralogram", "own"), ("waveform", "own"), (ALL_FOUR, "paper"), ("chance", "none")]
    rows = pd.DataFrame([
        {"encoder": encoder, "head": head, "branch": name, "n_classes": 25, "level": "chunk", "value": 0.038, "low": 0.036,
         "high": 0.041}
        for name in names for encoder, head in models
    ])  # fmt: skip
    with plots.style():
        figure = tables.branch_figure(rows)
        apart_and_inside(figure)
    width, height = figure.get_size_inches()
    assert width < 9 and height > width * 0.8
    assert "3.8\n(3.6 to 4.1)" in {text.get_text() for text in figure.axes[0].texts}
    assert figure.axes[0].collections[0].get_clim() == (0, 10)
