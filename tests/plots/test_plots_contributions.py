"""Pictures of made-up shares: what is drawn is what the tables say, and odd tables are drawn too."""

from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color
from matplotlib.patches import Rectangle
from pictures import apart_and_inside, texts

from lib.display.figures import GREY, style
from lib.plots import classes
from lib.plots import contributions as drawn
from lib.plots.common import BESIDE
from lib.representations import PAPER, kind

CONTROLS = {
    "noise5": (*PAPER, "noise"), "untrained4": PAPER, "shuffled4": PAPER, "wide1": ("wide",),
    "seeds4": tuple(f"waveform seed {n}" for n in range(4)), "logmel5": (*PAPER, "logmel"), "raw4": PAPER,
    "crossfit4": PAPER,
}  # fmt: skip
SHARES = {"pitch": 0.22, "timbre": 0.12, "neuralogram": 0.03, "waveform": 0.13}
ODD = ("$x_1$ & y$", "<b>&amp;</b>", "_hidden", "c%d\\")


def shares(game="paper4", players=PAPER, group="all", head="paper", measure="map_macro", half=0.02, values=None):
    """Rows of contributions.csv for one game at both levels; the share of a clip is 0.01 above that of a chunk."""
    of = values or {player: SHARES.get(player, 0.01) for player in players}
    return pd.DataFrame([
        {
            "game": game, "encoder": player, "group": group, "measure": measure, "level": level, "head": head,
            "share": of[player] + more, "low": of[player] + more - half, "high": of[player] + more + half, "seeds": 1,
        }
        for level, more in (("chunk", 0.0), ("clip", 0.01)) for player in players
    ])  # fmt: skip


def with_controls():
    """The study among eight controls, not as the first, and one game that has no fresh head."""
    games = [shares(game, players) for game, players in CONTROLS.items()]
    return pd.concat([games[0], shares(), *games[1:], shares("mean4", head="own")], ignore_index=True)


def by_class(names=("dog", "rain", "bell"), seed=0):
    """Shares of classes: the first class is pitch's for sure, the second timbre's but unsure, the others drawn."""
    rng, rows = np.random.default_rng(seed), []
    for number, name in enumerate(names):
        values = dict(zip(PAPER, rng.normal(0.05, 0.08, 4), strict=True))
        if number < 2:
            values = dict.fromkeys(PAPER, 0.01) | {PAPER[number]: 0.3}
        rows.append(shares(group=f"class:{name}", values=values, half=0.4 if number == 1 else 0.05))
    return pd.concat(rows, ignore_index=True)


def lattice(players):
    """A value for every subset and for nobody: more of them reach more, and later ones less."""
    values = {(): 0.15}
    for size in range(1, len(players) + 1):
        for subset in combinations(players, size):
            gain = sum(0.3 / (2 + players.index(name)) for name in subset)
            values[subset] = 0.15 + gain / (1 + 0.2 * size)
    return values


def pairs(players=PAPER, **of):
    """Interactions of all pairs: pitch and timbre complementary, the rest redundant but unsure, unless asked."""
    return pd.DataFrame([
        {
            "game": "paper4", "first": first, "second": second, "measure": "map_macro", "level": "chunk",
            "head": "paper", "seeds": 1,
            **({"value": 0.04, "low": 0.02, "high": 0.06} if number == 0 else {"value": -0.01, "low": -0.03, "high": 0.01}),
            **of,
        }
        for number, (first, second) in enumerate(combinations(players, 2))
    ])  # fmt: skip


def page(name="dog", players=PAPER, n_clips=24, half=0.05):
    """What class_page is given: values with the constant's and those of another class, shares, clips."""
    values = pd.DataFrame([
        {"class": of, "subset": "+".join(s), "value": v, "low": v - half, "high": v + half}
        for of in (name, "another") for s, v in lattice(players).items()
    ])  # fmt: skip
    scores = np.linspace(0.95, 0.02, n_clips)
    clips = pd.DataFrame({
        "clip": [f"1-{17367 + 37 * n}-A-{n % 10}" for n in range(n_clips)], "n_chunks": 5, "score": scores,
        "label": [n % 3 != 2 for n in range(n_clips)],
    })  # fmt: skip
    given = pd.concat([shares(players=players, group=f"class:{of}") for of in (name, "another")])
    return name, values, given[given["level"] == "chunk"], clips


def told(figure):
    """Every text of a figure as it stands there, once it is drawn; none may be read as a formula."""
    FigureCanvasAgg(figure).draw()
    found = [text for text in figure.findobj(lambda artist: hasattr(artist, "get_parse_math")) if text.get_text()]
    assert not any(text.get_parse_math() for text in found if "$" in text.get_text() and text.get_visible())
    return [text.get_text() for text in found]


def frames(axis):
    """Cells with a frame, as (row, column)."""
    boxes = [patch for patch in axis.patches if isinstance(patch, Rectangle)]
    return {(int(box.get_y()), int(box.get_x())) for box in boxes}


def bars(axis):
    return [patch for patch in axis.patches if isinstance(patch, Rectangle)]


# Shares


def test_bars_have_the_height_of_the_shares_and_the_encoders_colours():
    figure = drawn.share_figure(shares())
    for axis, more in zip(figure.axes, (0, 1), strict=True):
        assert [bar.get_height() for bar in bars(axis)] == pytest.approx([22 + more, 12 + more, 3 + more, 13 + more])
        for bar, name in zip(bars(axis), PAPER, strict=True):
            assert same_color(bar.get_facecolor(), kind(name).colour)
        ends = np.array([line[:, 1] for line in axis.collections[0].get_segments()])
        assert ends[0] == pytest.approx([20 + more, 24 + more])
    assert "the study" not in told(figure)


def test_controls_are_grey_and_stand_after_the_study():
    figure = drawn.share_figure(with_controls())
    for axis in figure.axes:
        by_place = sorted(bars(axis), key=lambda bar: bar.get_x())
        assert len(by_place) == 4 + sum(map(len, CONTROLS.values())) + 4
        grey = [same_color(bar.get_facecolor(), GREY) for bar in by_place]
        assert grey == [False] * 4 + [True] * (len(by_place) - 4)
        assert any(line.get_ydata()[0] == line.get_ydata()[1] == 0 for line in axis.lines)
    assert {"the study", *CONTROLS, "mean4\nown head", "waveform seed 3"} <= set(told(figure))


def test_groups_of_bars_do_not_touch():
    edges = sorted(
        (bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars(drawn.share_figure(with_controls()).axes[0])
    )
    gaps = np.array([right[0] - left[1] for left, right in pairwise(edges)])
    assert gaps.min() > -1e-9
    assert (gaps > gaps.min() + 0.5).sum() >= len(CONTROLS)  # one before each game but the first


def test_names_of_small_games_do_not_run_into_each_other():
    small = [shares("mobilenet1", ("mobilenet",), head="own"), shares("stacked1", ("waveform",), head="own")]
    others = [shares(game, CONTROLS[game]) for game in ("noise5", "untrained4", "seeds4", "wide1", "logmel5")]
    figure = drawn.share_figure(pd.concat([shares(), *others, *small, shares("mean4", head="own")]))
    FigureCanvasAgg(figure).draw()
    boxes = sorted((text.get_window_extent() for text in figure.axes[-1].texts), key=lambda box: box.x0)
    assert len(boxes) == 9 and all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_control_games_carry_a_readers_name_where_one_is_given():
    titles = {"noise5": "Noise as a fifth", "seeds4": "Four seeds of the best", "mean4": "Mean of own scores"}
    games = [shares("noise5", CONTROLS["noise5"]), shares("seeds4", CONTROLS["seeds4"]), shares("mean4", head="own")]
    figure = drawn.share_figure(pd.concat([shares(), *games]), titles=titles)
    FigureCanvasAgg(figure).draw()
    names = sorted(figure.axes[-1].texts, key=lambda text: text.get_window_extent().x0)
    assert [text.get_text().replace("\n", " ") for text in names] == [
        "the study",
        "Noise as a fifth",
        "Four seeds of the best",
        "Mean of own scores own head",
    ]
    boxes = [text.get_window_extent() for text in names]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_another_head_or_measure_is_not_mixed_in():
    table = pd.concat([shares(), shares(head="linear", values=dict.fromkeys(PAPER, 0.5)), shares(measure="d_prime")])
    assert bars(drawn.share_figure(table).axes[0])[0].get_height() == pytest.approx(22)
    assert bars(drawn.share_figure(table, head="linear").axes[0])[0].get_height() == pytest.approx(50)
    in_d_prime = drawn.share_figure(table, "d_prime")
    assert bars(in_d_prime.axes[0])[0].get_height() == pytest.approx(0.22)
    assert "share of d'" in told(in_d_prime)
    with pytest.raises(ValueError, match="no shares of top1"):
        drawn.share_figure(table, "top1")


# The lattice


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_lattice_has_every_node_and_every_edge(n):
    players = (*PAPER, "noise")[:n]
    figure = drawn.lattice_figure(lattice(players), "map_macro", "clip", "paper")
    axis = figure.axes[0]
    edges = {lines.get_label(): lines.get_segments() for lines in axis.collections}
    assert {player: len(lines) for player, lines in edges.items()} == dict.fromkeys(players, 2 ** (n - 1))
    sectors = {line.get_gid(): len(line.get_xdata()) for line in axis.lines if line.get_gid()}
    assert sectors == dict.fromkeys(players, 2 ** (n - 1))
    assert len(axis.lines[-1].get_xdata()) == 2**n
    assert sorted(axis.lines[-1].get_ydata()) == pytest.approx(sorted(100 * v for v in lattice(players).values()))
    assert len(told(figure)) > n


def test_an_edge_leads_to_the_subset_with_one_more():
    values = lattice(PAPER)
    figure = drawn.lattice_figure(values, "map_macro", "chunk", "paper")
    pitch = next(lines for lines in figure.axes[0].collections if lines.get_label() == "pitch")
    expected = {(100 * v, 100 * values["pitch", *s]) for s, v in values.items() if "pitch" not in s}
    assert {(round(a[1], 6), round(b[1], 6)) for a, b in pitch.get_segments()} == {
        (round(a, 6), round(b, 6)) for a, b in expected
    }
    assert same_color(pitch.get_color()[0][:3], kind("pitch").colour)
    assert all(b[0] - a[0] > 0.2 for a, b in pitch.get_segments())


def test_nodes_at_one_height_stand_side_by_side():
    players = (*PAPER, "noise")
    level = lattice(players) | dict.fromkeys(combinations(players, 2), 0.5)
    nodes = drawn.lattice_figure(level, "map_macro", "clip", "paper").axes[0].lines[-1]
    of_two = [x for x, y in zip(nodes.get_xdata(), nodes.get_ydata(), strict=True) if y == pytest.approx(50)]
    assert len(set(np.round(of_two, 3))) == 10
    assert all(abs(x - 2) < 0.5 for x in of_two)


def test_lattice_leaves_out_what_has_no_value():
    values = lattice(PAPER) | {("pitch",): np.nan}
    axis = drawn.lattice_figure(values, "map_macro", "chunk", "paper").axes[0]
    assert len(axis.lines[-1].get_xdata()) == 15
    assert sum(len(lines.get_segments()) for lines in axis.collections) == 32 - 4


# Classes


def owners(*owned, level="chunk", game="paper4"):
    """owned.csv: these (class, encoder) are owned; sea is not, though its share is the highest."""
    start = {"game": game, "level": level, "head": "paper", "measure": "map_macro"}
    rows = [start | {"class": name, "encoder": encoder, "owned": True} for name, encoder in owned]
    return pd.DataFrame([*rows, start | {"class": "sea", "encoder": "pitch", "owned": False}])


DOG = owners(("dog", "pitch"))


def test_only_what_the_table_says_is_framed():
    """The highest share does not make an owner; another level, game or head does not either."""
    table, order = by_class(("dog", "sea")), ["dog", "sea"]
    assert frames(classes.class_figure(table, DOG, order, "chunk", "paper").axes[0]) == {(0, 0)}
    assert frames(classes.class_figure(table, owners(), order, "chunk", "paper").axes[0]) == set()
    other = pd.concat([owners(("dog", "pitch"), level="clip"), owners(("dog", "timbre"), game="noise5")])
    assert frames(classes.class_figure(table, other, order, "chunk", "paper").axes[0]) == set()


def test_class_rows_are_in_order_and_owned_cells_framed():
    figure = classes.class_figure(by_class(("dog", "rain")), DOG, ["rain", "sea", "dog"], "chunk", "paper")
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["rain", "sea", "dog"]
    assert frames(axis) == {(2, 0)}
    assert same_color(axis.get_yticklabels()[2].get_color(), kind("pitch").colour)
    values = axis.collections[0].get_array()
    assert values[2, 0] == pytest.approx(30)
    assert values.mask[1].all() and not values.mask[[0, 2]].any()
    assert (axis.collections[0].norm.vmin, axis.collections[0].norm.vmax) == pytest.approx((-30, 30))
    assert {"Pitch\nowns 1", "Timbre\nowns 0", "30.0"} <= set(told(figure))


def test_branches_stand_beside_their_rows():
    names = [f"c{n}" for n in range(6)]
    branches = dict.fromkeys(names[:2], "Human_sounds") | dict.fromkeys(names[2:5], "Animal")
    texts = classes.class_figure(by_class(names), DOG, names, "chunk", "paper", branches).axes[0].texts
    places = {text.get_text(): text.get_position()[1] for text in texts if not text.get_text()[-1].isdigit()}
    assert places == {"Human sounds": 1.0, "Animal": 3.5}


def test_200_classes_have_two_panels_and_no_numbers():
    names = [f"class{n:03d}" for n in range(200)]
    own = owners(*((name, PAPER[number % 4]) for number, name in enumerate(names) if number % 5 == 0))
    figure = classes.class_figure(by_class(names), own, names, "chunk", "paper")
    first, second = figure.axes[:2]
    shown = [label.get_text() for axis in (first, second) for label in axis.get_yticklabels()]
    assert shown == names
    assert not first.texts and not second.texts
    assert frames(first) == frames(second) == {(row, row % 4) for row in range(0, 100, 5)}
    assert figure.get_figheight() < 14


# Redundancy


def test_redundancy_is_symmetric_and_framed_where_sure():
    figure = drawn.redundancy_figure(pairs(), "map_macro", "chunk", "paper")
    axis = figure.axes[0]
    values = axis.collections[0].get_array()
    assert values.mask.sum() == 4 and values.mask.diagonal().all()
    assert values.filled(0) == pytest.approx(values.filled(0).T)
    assert values[0, 1] == pytest.approx(4)
    assert frames(axis) == {(0, 1), (1, 0)}
    assert (axis.collections[0].norm.vmin, axis.collections[0].norm.vmax) == pytest.approx((-4, 4))
    texts = told(figure)
    assert texts.count("4.0\n(2.0 to 6.0)") == 2
    assert any("less together" in text and text.index("less together") < text.index("more together") for text in texts)


def test_a_pair_that_is_surely_redundant_is_framed_too():
    table = pairs(value=-0.02, low=-0.03, high=-0.01)
    assert len(frames(drawn.redundancy_figure(table, "map_macro", "chunk", "paper").axes[0])) == 12


# One class


def test_class_page_shows_its_subsets_shares_and_clips():
    name, values, of, clips = page()
    with style():
        figure = classes.class_page(name, values, of, clips)
    members, subsets, shown, added = figure.axes
    values = lattice(PAPER)
    dots = subsets.collections[1].get_offsets()
    assert len(dots) == 15 and set(dots[:, 1]) == set(range(15))
    assert sorted(dots[:, 0]) == pytest.approx(sorted(100 * v for s, v in values.items() if s))
    assert subsets.lines[0].get_xdata()[0] == pytest.approx(15)
    assert subsets.lines[0].get_linestyle() == BESIDE["chance"]  # as in every other figure
    assert sum(line.get_markersize() == 5 for line in members.lines) == 32  # each encoder is in half of 16 subsets
    assert [bar.get_height() for bar in bars(added)] == pytest.approx([22, 12, 3, 13])
    assert [len(line.get_xdata()) for line in shown.lines] == [16, 8]
    first = shown.get_yticklabels()[0].get_text()
    assert first == f"{clips['clip'][0]} (5)"
    assert {"has the class (16 of 16 shown)", "does not have it (8 of 8 shown)"} <= set(told(figure))


def test_class_page_keeps_the_best_and_worst_of_many_clips():
    name, values, of, clips = page(n_clips=300)
    shown = classes.shown_clips(clips)
    mine, others = shown[shown["label"]], shown[~shown["label"]]
    assert len(mine) == classes.WITH and len(others) == classes.WITHOUT
    assert {clips[clips["label"]]["score"].max(), clips[clips["label"]]["score"].min()} <= set(mine["score"])
    assert others["score"].min() >= clips[~clips["label"]]["score"].nlargest(classes.WITHOUT).min()
    assert "has the class (20 of 200 shown)" in told(classes.class_page(name, values, of, clips))


def test_class_page_refuses_a_mixture():
    name, values, of, clips = page()
    with pytest.raises(ValueError, match="shares of 'dog' hold several"):
        classes.class_page(name, values, pd.concat([of, of.assign(level="clip")]), clips)
    with pytest.raises(ValueError, match="values of 'dog' hold several"):
        classes.class_page(name, pd.concat([values, values]), of, clips)


# How it looks

NAMES = ("Accelerating_and_revving", "Chirp_and_tweet", "Fixed-wing_aircraft", "Bell", "Walk_and_footsteps")
FIGURES = {
    "shares": lambda: drawn.share_figure(shares()),
    "shares and controls": lambda: drawn.share_figure(with_controls()),
    "lattice": lambda: drawn.lattice_figure(lattice(PAPER), "map_macro", "clip", "paper"),
    "lattice of five": lambda: drawn.lattice_figure(lattice((*PAPER, "noise")), "map_macro", "clip", "paper"),
    "one class": lambda: classes.class_figure(
        by_class(("dog",)), owners(("dog", "pitch"), level="clip"), ["dog"], "clip", "paper"
    ),
    "five classes": lambda: classes.class_figure(
        by_class(NAMES),
        owners((NAMES[1], "waveform"), level="clip"),
        NAMES,
        "clip",
        "paper",
        dict(zip(NAMES, ("Domestic_sounds_and_home_sounds",) * 5, strict=True)),
    ),
    "200 classes": lambda: classes_200(),
    "redundancy": lambda: drawn.redundancy_figure(pairs((*PAPER, "noise")), "map_macro", "chunk", "paper"),
    "one pair": lambda: drawn.redundancy_figure(pairs(PAPER[:2]), "map_macro", "chunk", "paper"),
    "page": lambda: classes.class_page(*page(n_clips=400)),
    "page of five": lambda: classes.class_page(*page(players=(*PAPER, "noise"))),
    "page of one": lambda: classes.class_page(*page(players=("pitch",), n_clips=2)),
}


def classes_200():
    names = [f"{NAMES[n % 5]}_{n}" for n in range(200)]
    branches = {name: ("Human_sounds", "Sounds_of_things", "Music", "Animal")[n // 50] for n, name in enumerate(names)}
    return classes.class_figure(by_class(names), owners(level="clip"), names, "clip", "paper", branches)


def seen(figure):
    """Every text that is seen, with the names of ticks at the top and at the right."""
    ticks = [tick for axis in figure.axes for side in (axis.xaxis, axis.yaxis) for tick in side.get_major_ticks()]
    return texts(figure) + [tick.label2 for tick in ticks if tick.label2.get_visible() and tick.label2.get_text()]


@pytest.mark.parametrize("name", FIGURES)
def test_text_is_inside_and_apart(name):
    with style():
        figure = FIGURES[name]()
        boxes = apart_and_inside(figure, seen)
    assert len(boxes) > 5 and figure.get_figwidth() == 8


# Odd tables


@pytest.mark.parametrize("missing", [["low", "high"], ["share", "low", "high"]])
def test_missing_numbers_are_drawn_as_nothing(missing):
    gone = dict.fromkeys(missing, np.nan)
    for table in (with_controls().assign(**gone), shares().assign(**gone)):
        assert told(drawn.share_figure(table))
    assert told(classes.class_figure(by_class().assign(**gone), DOG, ["dog", "rain"], "chunk", "paper"))
    gone = dict.fromkeys([{"share": "value"}.get(name, name) for name in missing], np.nan)
    figure = drawn.redundancy_figure(pairs(**gone), "map_macro", "chunk", "paper")
    assert not frames(figure.axes[0])
    assert ("-1.0" in told(figure)) == ("value" not in gone)
    name, values, of, clips = page()
    assert told(classes.class_page(name, values.assign(**gone), of, clips))
    assert told(drawn.lattice_figure(dict.fromkeys(lattice(PAPER), np.nan), "map_macro", "clip", "paper"))


def test_one_encoder_and_one_class_are_drawn():
    alone = ("pitch",)
    assert told(drawn.share_figure(shares(players=alone)))
    one = shares(players=alone, group="class:dog")
    assert frames(classes.class_figure(one, DOG, ["dog"], "chunk", "paper").axes[0]) == {(0, 0)}
    figure = drawn.redundancy_figure(pairs().iloc[:0], "map_macro", "chunk", "paper")
    assert "no pair of encoders has an interaction here" in told(figure)
    assert told(classes.class_page(*page(players=alone, n_clips=1)))
    assert told(classes.class_page(*page(n_clips=0)))


def test_a_table_without_classes_is_refused():
    with pytest.raises(ValueError, match="no shares of classes for clips with the linear head"):
        classes.class_figure(by_class(), DOG, ["dog"], "clip", "linear")


@pytest.mark.parametrize("odd", ODD)
def test_names_are_drawn_as_they_are(odd):
    players = (*PAPER, odd)
    table = pd.concat([shares(), shares("odd", players)])
    assert odd in told(drawn.share_figure(table))
    assert odd in told(drawn.lattice_figure(lattice(players), "map_macro", "chunk", "paper"))
    assert odd in told(
        classes.class_figure(by_class((odd, "dog")), owners((odd, "pitch")), [odd, "dog"], "chunk", "paper", {odd: odd})
    )
    assert odd in told(drawn.redundancy_figure(pairs(players), "map_macro", "chunk", "paper"))
    name, values, of, clips = page(odd)
    assert f"{odd} (5)" in told(classes.class_page(name, values, of, clips.assign(clip=odd)))
