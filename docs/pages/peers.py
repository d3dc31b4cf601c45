"""Other systems beside the study, as Markdown from a record: what they reach, what they gain, and what they make redundant."""

import shlex
from collections.abc import Iterator

import pandas as pd

from lib.evaluation import peers
from lib.evaluation.results import SHARED
from lib.evaluation.sentences import bullets, estimate, listed, points
from lib.files.cells import rows_with
from lib.sounds import corpora
from pages.recorded import HEAD, Record, encoders, markdown, with_interval

LEVEL = "clip"
FEATURES = ("pitch", "timbre")


def reached(record: Record) -> str:
    """Every system as it was heard: macro mAP and top-1 accuracy of clips by both heads, and what it costs."""
    table = record.table("peers")
    heads, header = list(dict.fromkeys(table["head"])), ["system", "heard"]
    header += [f"{name}, {head} head" for name in ("macro mAP", "top-1") for head in heads]
    return markdown([*header, "parameters", "s an hour"], _reached(table, heads))


def _reached(table: pd.DataFrame, heads: list[str]) -> Iterator[list[str]]:
    for (name, heard), of in table.groupby(["row", "heard"], sort=False):
        numbers = of.set_index(["measure", "head"])
        there = [
            numbers.loc[key] if (key := (measure, head)) in numbers.index else None
            for measure in peers.MEASURES
            for head in heads
        ]
        cells = ["" if row is None else with_interval(row) for row in there]
        cost = of.iloc[0]
        yield [name, heard, *cells, f"{cost['parameters'] / 1e6:.2f} M", f"{cost['seconds_an_hour']:.0f}"]


def titles(record: Record) -> dict[str, str]:
    """What each system is called, by its name."""
    rows = record.table("peers").dropna(subset=["peer"])
    return dict(zip(rows["peer"], rows["row"], strict=True))


def corpus_of(record: Record) -> str:
    """What the sounds of a record are called."""
    given = dict(word.partition("=")[::2] for word in shlex.split(record.facts()["make"]))
    return corpora.title(given["CORPUS"], given.get("ROOT"))


def gained(record: Record) -> str:
    """Of each system whether it gains from pitch and timbre, what a control gains there, and which classes and branches do."""
    gains = record.table("peer_gains").fillna({"against": ""})
    return bullets(*peers.sentences(gains, titles(record), corpus_of(record), LEVEL, HEAD))


def shared_out(record: Record) -> str:
    """The shares of the five, and their interactions with pitch and timbre, by clips."""
    shares, pairs = _of_five(record)
    rows = [
        _shared_out(name, title, rows_with(shares, game=f"{name}5"), rows_with(pairs, game=f"{name}5"))
        for name, title in titles(record).items()
    ]
    players = encoders(shares["encoder"])[:4]
    return markdown(
        [
            "with",
            *(f"share of {name}" for name in players),
            "its own share",
            *(f"interaction with {name}" for name in FEATURES),
        ],
        rows,
    )


def _of_five(record: Record) -> tuple[pd.DataFrame, pd.DataFrame]:
    wanted = {"measure": SHARED, "level": LEVEL, "head": HEAD}
    return record.rows("peer_contributions", group="all", **wanted), record.rows("peer_interactions", **wanted)


def _shared_out(name: str, title: str, shares: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    of = shares.set_index("encoder")
    cells = [estimate(of.loc[player], "share") for player in [*encoders(of.index.drop(name)), name]]
    return [title, *cells, *(estimate(pair_of(pairs, name, feature), sign="+") for feature in FEATURES)]


def pair_of(pairs: pd.DataFrame, one: str, other: str) -> pd.Series:
    """The row of the interaction of two players, whichever is named first."""
    return next(row for _, row in pairs.iterrows() if {row["first"], row["second"]} == {one, other})


def redundant(record: Record) -> str:
    """Of each system whether pitch and timbre clearly add less beside it, and whether a share is left to them.

    What adds less need not know the same: the interaction of noise with an encoder can lie clearly below zero too.
    """
    shares, pairs = _of_five(record)
    return bullets(*(_redundant(name, title, shares, pairs) for name, title in titles(record).items()))


def _redundant(name: str, title: str, shares: pd.DataFrame, pairs: pd.DataFrame) -> str:
    of, found = rows_with(shares, game=f"{name}5").set_index("encoder"), []
    for feature in FEATURES:
        pair, share = pair_of(rows_with(pairs, game=f"{name}5"), name, feature), of.loc[feature]
        verdict = "less" if pair["high"] < 0 else "more" if pair["low"] > 0 else "neither clearly less nor more"
        left = f"a share is left to {feature}" if share["low"] > 0 else f"no clear share is left to {feature}"
        value = points(pair["value"], pair["low"], pair["high"])
        found.append(
            f"{feature} adds {verdict} beside it than by itself (interaction {value}), and {left}: {estimate(share, 'share')}"
        )
    return f"{title}: {'; '.join(found)}."


def alone(record: Record) -> str:
    """Of which classes each system alone names clips right, and pitch with timbre alone."""
    table = record.table("peer_alone")
    return bullets(*(peers.known_alone(rows_with(table, peer=name), title) for name, title in titles(record).items()))


def gaining_classes(record: Record) -> str:
    """Which classes gain from pitch or timbre on top of a system, without correction for their number: where to look next."""
    gains = record.table("peer_gains").fillna({"against": ""})
    rows = rows_with(gains, against="", level=LEVEL, head=HEAD)
    rows = rows[rows["group"].str.startswith("class:") & rows["added"].isin(FEATURES) & rows["low"].gt(0)]
    found = [
        f"{titles(record)[peer]} from {added}: {listed(of['group'].str.removeprefix('class:'))}"
        for (peer, added), of in rows.groupby(["peer", "added"], sort=False)
    ]
    return f"Classes that gain, each interval by itself: {'; '.join(found) or 'none'}."
