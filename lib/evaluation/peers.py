"""Other systems in the study's harness: their rows of Table 2, and whether they still gain from pitch and timbre.

A peer plays games of its own, each in its own folder of scores:

    <peer>5        the study's four and the peer (on its own windows, where it is frozen): all coalitions
    <peer>_beside  the peer with one thing that could refute a gain beside it: pairs alone
    <peer>_chunks  a frozen peer alone on the study's chunks
    <peer>_own     the classifier of a peer that is trained here
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.display.screen import counted, measure_name
from lib.encoders.heads import ALL_FOUR, Subset, label
from lib.encoders.peers import LEARNERS, PEERS
from lib.encoders.peers.learner import schedule_of, settings_of
from lib.evaluation.contributions import ALL, Played, play
from lib.evaluation.games import Game, control_scores, paper4
from lib.evaluation.intervals import holm
from lib.evaluation.measures import clip_targets, ends
from lib.evaluation.results import SHARED, cell, levels_of
from lib.evaluation.scores import Scores
from lib.evaluation.sentences import SIGNIFICANT, corrected, listed, points, short, which_way
from lib.files import digests
from lib.files.cells import rows_with
from lib.settings import decisions
from lib.study import Study

BESIDE = ("noise", "untrained_pitch", "untrained_timbre", "logmel", "twice")  # what could do as well as pitch or timbre
SECOND = "second_seed"  # of a peer that is trained here, where the study has several seeds
WINDOWS, CHUNKS = "own windows", "1 s chunks"
MEASURES = (SHARED, "top1")
OURS = "all four"
COLUMNS = [
    "row", "peer", "heard", "head", "measure", "value", "low", "high", "seeds", "parameters", "gmacs_a_second",
    "seconds_an_hour", "device", "threads", "extra_data", "fsd50k_in_pretraining", "selected_on", "crop", "published",
    "by_others", "source", "licence", "trained_here",
]  # fmt: skip
COSTS = ["parameters", "gmacs_a_second", "seconds_an_hour"]
SHOWN = ["row", "heard", "head", "measure", "value", "low", "high", *COSTS, "crop"]  # on the screen
STEP_COLUMNS = ["peer", "added", "against", "group", "measure", "level", "head"]
GAIN_COLUMNS = [*STEP_COLUMNS, "without", "with", "difference", "low", "high", "p", "seeds", "p_holm"]
ALONE_COLUMNS = ["fold", "clip", "label", "right", "margin", "peer"]

Both = tuple[Played, Played]  # of a peer: the game of five, and that of the controls beside it


def five(peer: str) -> Game:
    """The study's four and a peer, every coalition."""
    return Game(f"{peer}5", (*paper4().players, peer), peer, frozenset({peer}))


def on_chunks(peer: str) -> Game:
    """A peer alone on the study's chunks."""
    return Game(f"{peer}_chunks", (peer,), f"{peer}.chunks", frozenset({peer}))


def by_itself(peer: str) -> Game:
    """The own classifier of a peer that is trained here."""
    return Game(f"{peer}_own", (peer,), f"{peer}.own", frozenset({peer}))


def beside(peer: str, others: Sequence[str] = BESIDE) -> Game:
    """A peer alone and with each of the others."""
    pairs = ((peer,), *((peer, other) for other in others))
    return Game(f"{peer}_beside", (peer, *others), f"{peer}.beside", frozenset({peer, *others}), pairs)


def there(study: Study) -> list[str]:
    """The peers whose scores are all there, in every part, with every seed."""
    places = (study.parts[0].folder / "scores" / "controls").glob("*/about.json")
    order = {name: number for number, name in enumerate([*PEERS, *LEARNERS])}
    found = sorted((path.parent.name for path in places), key=lambda peer: (order.get(peer, len(order)), peer))
    return [peer for peer in found if peer != OURS and _ready(study, peer)]


def _ready(study: Study, peer: str) -> bool:
    manifest, heads = about(study, peer), study.settings.heads.kinds
    alone = all(game.is_scored(study, own) for _, game, own in heard(study, peer))
    return alone and all(game.is_scored(study, heads) for game in (five(peer), beside(peer, manifest["beside"])))


def heard(study: Study, peer: str) -> list[tuple[str, Game, tuple[str, ...]]]:
    """The ways in which a peer is heard alone: which, the game that has its scores, and its heads."""
    kinds = study.settings.heads.kinds
    if about(study, peer)["trained_here"]:
        return [(CHUNKS, by_itself(peer), ("own",)), (CHUNKS, five(peer), kinds)]
    return [(WINDOWS, five(peer), kinds), (CHUNKS, on_chunks(peer), kinds)]


def about(study: Study, peer: str) -> dict[str, Any]:
    """What is to be known of a peer, or of `all four`, as the job that ran it wrote it."""
    return digests.read(about_path(study.parts[0], peer), digests.load_json)


def about_path(part: Study, peer: str) -> Path:
    """File of that, beside the peer's scores."""
    return control_scores(part, peer, "", "", 0).with_name("about.json")


# Table 2


def peer_table(study: Study, subsets: pd.DataFrame) -> pd.DataFrame:
    """Rows of peers.csv: every peer as it was heard, with each head, by clips; and the study's all four.

    parameters: all of its own; gmacs_a_second, seconds_an_hour: for a second and an hour of sound on its own windows.
    """
    rows = [row for peer in there(study) for row in _peer_rows(study, peer)]
    return pd.DataFrame([*rows, *_our_rows(study, subsets)] if rows else [], columns=COLUMNS)


def _peer_rows(study: Study, peer: str) -> Iterator[dict[str, Any]]:
    manifest = about(study, peer)
    for how, game, heads in heard(study, peer):
        alone = replace(game, only=((peer,),))
        own = {"crop": "1 s chunks, mean of scores"} if how == CHUNKS else {}
        for head in heads:
            played = play(study, alone, "clip", head, MEASURES)
            for measure in MEASURES:
                number = played.of.cells(played.over_all(measure)[(peer,)], ends=ends(measure))
                row = {"row": manifest["title"], "peer": peer, "heard": how, "head": head, "measure": measure}
                yield row | manifest | own | number | {"seeds": played.seeds}


def _our_rows(study: Study, subsets: pd.DataFrame) -> Iterator[dict[str, Any]]:
    manifest = about(study, OURS)
    for head in study.settings.heads.kinds:
        for measure in MEASURES:
            found = cell(subsets, ALL_FOUR, head, measure, "clip")
            row = {"row": OURS, "peer": "", "heard": CHUNKS, "head": head, "measure": measure}
            numbers = {"value": found.value, "low": found.low, "high": found.high, "seeds": len(study.request.seeds)}
            yield row | manifest | numbers


def decision_table(study: Study) -> pd.DataFrame:
    """Rows of decisions.csv: what the authors of the systems that were trained here say nowhere, as this run settles it."""
    rows = []
    for name in [name for name in there(study) if name in LEARNERS]:
        kind = LEARNERS[name]
        why = "its authors' rate, loss and batch where they say them; the epochs of the study, so that all see as much"
        taken = schedule_of(kind, study.settings).summary
        rows.append({"what": f"schedules.{name}", "taken": taken, "offered": "any", "why": why})
        rows += decisions(settings_of(kind, study.settings), f"peers.{name}.")
    return pd.DataFrame(rows, columns=["what", "taken", "offered", "why"])


# Features on top


@dataclass(frozen=True)
class Step:
    """From one coalition to another: what is added to a peer, and what stands in its place (nothing: the peer alone)."""

    added: str
    against: str
    with_it: tuple[Game, Subset]
    without: tuple[Game, Subset]


def steps(peer: str, others: Sequence[str] = BESIDE) -> Iterator[Step]:
    """What may be gained on top of a peer, and less what each of the others gains there."""
    game, controls = five(peer), beside(peer, others)
    alone = (game, (peer,))
    for more in (("pitch",), ("timbre",), ("pitch", "timbre"), ("neuralogram",), ("waveform",), paper4().players):
        yield Step(short(label(more)), "", (game, (*more, peer)), alone)
    for other in others:
        yield Step(other, "", (controls, (peer, other)), (controls, (peer,)))
    for one in ("pitch", "timbre"):
        for other in others:
            if not other.startswith("untrained") or other == f"untrained_{one}":
                yield Step(one, other, (game, (one, peer)), (controls, (peer, other)))


def played_games(study: Study, peer: str) -> list[Both]:
    """The games of five and of the controls beside a peer, at each level with each head."""
    levels, heads = levels_of(study.parts[0]), study.settings.heads.kinds
    games = five(peer), beside(peer, about(study, peer)["beside"])
    return [tuple(play(study, game, level, head, [SHARED]) for game in games) for level in levels for head in heads]


def gain_table(games: Mapping[str, Sequence[Both]]) -> pd.DataFrame:
    """Rows of peer_gains.csv [GAIN_COLUMNS], of the `played_games` of each peer by its name."""
    each = [gain_rows(peer, both) for peer, every in games.items() for both in every]
    return pd.concat(each, ignore_index=True) if each else pd.DataFrame(columns=GAIN_COLUMNS)


def gain_rows(peer: str, both: Both) -> pd.DataFrame:
    """Rows of peer_gains.csv: what is added to a peer, of all classes, each class and each branch, with paired intervals.

    against: the control that stands beside the peer instead, where the gain is less that of a control. p_holm is corrected
    for all steps of all classes together, and for the classes, or the branches, of one step.
    """
    of = {played.game.name: played for played in both}
    table = pd.concat([_gains(peer, step, of) for step in steps(peer, both[1].game.players[1:])], ignore_index=True)
    family = np.where(
        table["group"] == ALL, ALL, table["group"].str.partition(":")[0] + table["added"] + table["against"]
    )
    return table.assign(p_holm=table.groupby(family)["p"].transform(holm))


def _gains(peer: str, step: Step, of: dict[str, Played]) -> pd.DataFrame:
    """One step by group of classes."""
    (game, more), (other, less) = step.with_it, step.without
    played, sampling = of[game.name], of[game.name].sampling(SHARED)
    with_it, without = played.values[SHARED][more], of[other.name].values[SHARED][less]
    gain = with_it - without
    low, high = sampling.interval(gain)
    return pd.DataFrame({
        "peer": peer, "added": step.added, "against": step.against, "group": played.groups[SHARED], "measure": SHARED,
        "level": played.level, "head": played.head, "without": sampling.value(without), "with": sampling.value(with_it),
        "difference": sampling.value(gain), "low": low, "high": high, "p": sampling.p_value(gain), "seeds": played.seeds,
    })  # fmt: skip


# Sentences


def sentences(gains: pd.DataFrame, titles: dict[str, str], corpus: str, level: str, head: str) -> list[str]:
    """Of each peer whether it gains from pitch and from timbre, by how much, what a control gains, and which classes do."""
    rows = gains[(gains["level"] == level) & (gains["head"] == head)]
    found = []
    for peer in dict.fromkeys(rows["peer"]):
        for added in ("pitch", "timbre"):
            own = rows_with(rows, peer=peer, added=added)
            found.append(_sentence(own, titles[peer], added, corpus, _beside(rows, peer)))
    return found


def _beside(rows: pd.DataFrame, peer: str) -> pd.DataFrame:
    mine = rows[(rows["peer"] == peer) & (rows["group"] == ALL) & (rows["against"] == "")]
    return mine[mine["added"].isin([*BESIDE, SECOND])].set_index("added")


def _sentence(rows: pd.DataFrame, title: str, added: str, corpus: str, controls: pd.DataFrame) -> str:
    whole = rows[rows["group"] == ALL].set_index("against")
    gain = whole.loc[""]
    # by p after Holm's correction for all steps of the peer; what is not significant is not shown, in neither direction
    gains = which_way(gain["difference"], gain["p_holm"] < SIGNIFICANT, "gains", "loses", "is not shown to gain")
    found = [
        f"On this corpus ({corpus}) {title} {gains} from {added}: by {_points(gain)} {measure_name(SHARED)} of "
        f"{gain['level']}s, {gain['head']} head ({corrected(gain['p'], gain['p_holm'])})."
    ]
    own = [name for name in whole.index if name]
    each = ", ".join(f"{in_words(name)} {_points(controls.loc[name])}" for name in own)
    beyond = [name for name in own if whole.loc[name, "difference"] > 0 and whole.loc[name, "p_holm"] < SIGNIFICANT]
    beyond = [in_words(name) for name in beyond]
    more = f"significantly more than {listed(beyond)}" if beyond else "not significantly more than any of them"
    found.append(f"Beside it instead: {each}; {added} brings {more} (after Holm's correction).")
    return " ".join([*found, *_by_groups(rows[rows["against"] == ""])])


def in_words(control: str) -> str:
    """What stands beside a peer, in a sentence."""
    words = {"logmel": "log-mel", "twice": "its own embedding twice", SECOND: "a second seed of it"}
    return words.get(control, control.replace("_", " "))


def _by_groups(rows: pd.DataFrame) -> Iterator[str]:
    for kind, plural in (("class", "classes"), ("branch", "branches")):
        these = rows[rows["group"].str.startswith(f"{kind}:")].dropna(subset=["low", "high"])
        if not len(these):
            continue
        sure = these[(these["p_holm"] < SIGNIFICANT) & (these["difference"] > 0)].sort_values(
            "difference", ascending=False
        )
        names = [f"{row.group.partition(':')[2]} {_points(row._asdict())}" for row in sure.itertuples()]
        alone = int((these["low"] > 0).sum())
        yield (
            f"Of its {len(these)} {plural}, corrected for their number, {len(names)} gain{'s' if len(names) == 1 else ''}"
            f"{': ' + ', '.join(names) if names else ''} (uncorrected: {alone})."
        )


def _points(row: Any) -> str:
    return points(row["difference"], row["low"], row["high"])


# What it alone knows


def alone_table(study: Study, names: Sequence[str], head: str) -> pd.DataFrame:
    """Rows of peer_alone.csv [ALONE_COLUMNS]: labels of test clips that a peer names right and pitch with timbre does not, or the reverse.

    A label is named right where its score lies above that of every class that the clip does not have. `right` is the peer
    or pitch+timbre; margin, by how much it lies above, by the one that is right; of each peer the widest first.
    """
    rows = []
    for peer in names:
        found = [row | {"peer": peer} for part in study.parts for row in _alone_right(part, peer, head)]
        rows += sorted(found, key=lambda row: -row["margin"])
    return pd.DataFrame(rows, columns=ALONE_COLUMNS)


def clearest(alone: pd.DataFrame, n: int = 2) -> pd.DataFrame:
    """The rows of alone_table with the widest margins: n of each peer and n of the reverse, each label once."""
    return alone.drop_duplicates(["peer", "right", "label"]).groupby(["peer", "right"], sort=False).head(n)


def says_who(row: Any, titles: Mapping[str, str]) -> str:
    """A row of alone_table in words, for the player of its clip."""
    others = f"pitch and timbre, and not by {titles[row.peer]}"
    return f"{row.label}: named right by {titles[row.peer] if row.right == row.peer else others}"


def _alone_right(part: Study, peer: str, head: str) -> Iterator[dict[str, Any]]:
    test, game, features = Scores(part), five(peer), ("pitch", "timbre")
    ids, targets = clip_targets(test.stored["targets"], test.stored["clip"])
    margins = {label(subset): _margins(part, test, game, subset, head, targets) for subset in ((peer,), features)}
    for right, wrong in ((peer, label(features)), (label(features), peer)):
        for clip, number in np.argwhere((margins[right] > 0) & (margins[wrong] <= 0)):
            at = {"fold": part.fold, "clip": ids[clip], "label": str(test.stored["classes"][number])}
            yield at | {"right": right, "margin": float(margins[right][clip, number])}


def _margins(part: Study, test: Scores, game: Game, subset: Subset, head: str, targets: np.ndarray) -> np.ndarray:
    """By how much the score of each label lies above that of every class that its clip does not have [clip, class], the mean of
    the seeds; NaN for what is no label, or where a clip has all classes."""
    scores = np.mean([test.read(label(subset), head, seed, game)["clip"] for seed in part.request.seeds], axis=0)
    others = np.where(targets > 0, -np.inf, scores).max(1, keepdims=True)
    return np.where((targets > 0) & np.isfinite(others), scores - others, np.nan)


def known_alone(table: pd.DataFrame, title: str) -> str:
    """Of which classes the peer alone names labels right, and the reverse."""
    if not len(table):
        return f"No label is named right by {title} alone or by pitch and timbre alone."
    found = []
    for right, of in sorted(table.groupby("right"), key=lambda each: "+" in each[0]):
        who = "pitch and timbre" if "+" in right else title
        each = ", ".join(f"{name} {n}" for name, n in of["label"].value_counts().head(5).items())
        clips = len(of[["fold", "clip"]].drop_duplicates())
        labels = "" if clips == len(of) else f"{counted(len(of), 'label')} of "
        found.append(f"{who} alone: {labels}{counted(clips, 'clip')} ({each})")
    return f"Named right by {'; by '.join(found)}."
