"""Pictures of made-up tables: written whole, the same bytes twice, nothing cut off, nothing on top of anything else."""

import pytest
from made_up import study
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lib import comparisons, games, plots, published, results, shares
from lib.plots import tables

KINDS = ("pdf", "svg", "png")


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """A function of name that draws each figure anew."""
    with pytest.MonkeyPatch.context() as patch:
        made = study(tmp_path_factory.mktemp("home"), patch)
        table = results.write_subsets(made)
        played = [
            shares.play(made, games.paper4(), level, head, ["map_macro"])
            for level in results.LEVELS
            for head in ("paper", "linear")
        ]
        shown = shares.table(played, shares.share_rows).query("group == 'all'")
        marginals = shares.table(played, shares.marginal_rows)
        branches, one = comparisons.branch_table(made), published.table1(made, table)
        oracle = dict.fromkeys(results.LEVELS, 1.0)
        yield {
            "subsets": lambda: tables.subset_figure(table, "top1", oracle),
            "subsets in d'": lambda: tables.subset_figure(table, "d_prime", oracle),
            "heads": lambda: tables.head_figure(table, "top1"),
            "shares": lambda: tables.share_figure(shown),
            "marginals": lambda: tables.marginal_figure(shown, marginals),
            "branches": lambda: tables.branch_figure(branches),
            "table1": lambda: tables.table1_figure(one, "esc50"),
            "table1 on fsd50k": lambda: tables.table1_figure(one, "fsd50k"),
        }


NAMES = ("subsets", "subsets in d'", "heads", "shares", "marginals", "branches", "table1", "table1 on fsd50k")


@pytest.mark.parametrize("name", ["subsets", "table1", "branches"])
def test_files_are_written_and_stable(figures, tmp_path, name):
    for folder in ("a", "b"):
        plots.save(figures[name](), tmp_path / folder / "figure")
    for kind in KINDS:
        first, again = ((tmp_path / folder / f"figure.{kind}").read_bytes() for folder in ("a", "b"))
        assert len(first) > 1000
        assert first == again


@pytest.mark.parametrize("name", NAMES)
def test_text_is_inside_and_apart(figures, name):
    with plots.style():
        figure = figures[name]()
        canvas, page = FigureCanvasAgg(figure), figure.bbox
        canvas.draw()
        renderer = canvas.get_renderer()
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    assert len(boxes) > 5
    for told, box in boxes:
        inside = (box.x0 - page.x0, page.x1 - box.x1, box.y0 - page.y0, page.y1 - box.y1)
        assert min(inside) >= -1, f"{told!r} is cut off"
    for number, (told, box) in enumerate(boxes):
        for other, beside in boxes[number + 1 :]:
            assert not box.padded(-1).overlaps(beside.padded(-1)), f"{told!r} lies on {other!r}"


def texts(figure):
    """Every text that is seen: titles, labels, ticks within the axes, annotations, legends."""
    shown = [figure._suptitle] if figure._suptitle else []
    for legend in figure.legends:
        shown += legend.get_texts()
    for axis in figure.axes:
        shown += [axis.title, axis._left_title, axis.xaxis.label, axis.yaxis.label, *axis.texts]
        for side, limits in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
            for tick in side.get_major_ticks():
                if min(limits) <= tick.get_loc() <= max(limits) and tick.label1.get_visible():
                    shown.append(tick.label1)
    return [text for text in shown if text.get_visible() and text.get_text().strip()]


def test_published_is_marked_as_another_corpus(figures):
    told = {
        name: [text.get_text() for text in figures[name]().legends[0].get_texts()]
        for name in ("table1", "table1 on fsd50k")
    }
    assert any("another corpus" in text for text in told["table1"])
    assert not any("another corpus" in text for text in told["table1 on fsd50k"])
