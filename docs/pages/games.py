"""Who contributes what, as Markdown from a record: shares with what is added last, controls, curves, probes."""

from collections.abc import Iterable

import pandas as pd

from lib.encoders.heads import ALL_FOUR
from lib.evaluation import claims, probe_sentences
from lib.evaluation.curves import sentences as curve_sentences
from lib.evaluation.results import SHARED
from lib.evaluation.sentences import SIGNIFICANT, higher_first, listed, measured, number, p_text, points, short
from lib.files.cells import rows_with
from lib.sounds.chunks import LEVELS
from pages.recorded import HEAD, Record, encoders, markdown, with_interval

ADDED = ("noise", "logmel")  # controls that play as a fifth encoder
RANKS = ("largest", "second largest", "third largest", "fourth largest", "smallest")


def bullets(sentences: Iterable[str]) -> str:
    """Sentences as a list, one a line."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


# Shares


def shares(record: Record) -> str:
    """Alone, share and added last of each encoder by both heads, by clips and by chunks."""
    table = claims.side_by_side(record.table("contributions"), record.table("marginals"))
    columns = ["head", "encoder", "alone", "share", "added last"]
    rows = [[f"{level}s", *row] for level in LEVELS[::-1] for row in rows_with(table, level=level)[columns].to_numpy()]
    return markdown(["by", *columns], rows)


def share_findings(record: Record) -> str:
    """The best and the smallest good subset, shares with what is added last, and whose share is larger; by clips."""
    tables = [record.table(name) for name in ("contributions", "marginals", "best_subsets")]
    pairs = record.rows("tests", game=claims.STUDY, level="clip", head=HEAD, measure=SHARED)
    differing = higher_first(pairs)
    count = f"{len(differing)} of {len(pairs)} ({', '.join(differing) or 'none'})"
    says = claims.shares(*tables, "clip", HEAD)
    return f"{says} Shares that differ significantly after Holm's correction: {count}."


def owned(record: Record) -> str:
    """How many classes are owned after the correction for their number, and by whom; by clips."""
    return bullets(claims.owned(record.table("owned"), "clip", HEAD))


# Controls


def controls(record: Record) -> str:
    """Every control by clips and by chunks: what it reaches, and the study's four less it; the lowest by clips first."""
    table, header = record.rows("controls", study_head=HEAD), ["control"]
    by_clip = rows_with(table, level="clip").sort_values("value")
    rows = {name: [record.titles.get(name, name)] for name in by_clip["control"]}
    for level in LEVELS[::-1]:
        own = rows_with(table, level=level).drop_duplicates("control").set_index("control")
        study = number(own["study"].iloc[0])
        header += [f"{level}s: reaches", f"the study's four ({study}) less it", "p after Holm"]
        for name, cells in rows.items():
            row = own.loc[name]
            p = p_text(row["p_holm"]).removeprefix("p ").removeprefix("= ")
            cells += [number(row["value"]), with_interval(row, "difference", "+"), p]
    return markdown(header, rows.values())


def control_findings(record: Record) -> str:
    """Which controls are clearly below and above the study's four after Holm's correction, at each level."""
    rows = record.rows("controls", study_head=HEAD)
    return bullets(_verdicts(record, level, rows_with(rows, level=level)) for level in LEVELS[::-1])


def _verdicts(record: Record, level: str, rows: pd.DataFrame) -> str:
    sides: dict[str, list[str]] = {"clearly above": [], "clearly BELOW": [], "not significantly different from": []}
    for row in rows.itertuples():
        side = "clearly above" if row.difference > 0 else "clearly BELOW"
        side = side if row.p_holm < SIGNIFICANT else "not significantly different from"
        sides[side].append(record.titles.get(row.control, row.control))
    each = "; ".join(f"{side}: {listed(names)}" for side, names in sides.items())
    return f"By {measured(SHARED, level)}, after Holm's correction, the study's four are {each}."


def fifth(record: Record) -> str:
    """Shares of all five where noise or log-mel plays as a fifth encoder, at each level, and the rank of the fifth."""
    played = [name for name in ADDED if f"{name}5" in set(record.table("contributions")["game"])]
    return bullets([_rank(record, name, level) for name in played for level in LEVELS[::-1]] or ["None was played."])


def _rank(record: Record, name: str, level: str) -> str:
    rows = record.rows("contributions", game=f"{name}5", group="all", measure=SHARED, level=level, head=HEAD)
    rows = rows.sort_values("share", ascending=False, ignore_index=True)
    rank = RANKS[rows.index[rows["encoder"] == name][0]]
    each = ", ".join(f"{row['encoder']} {with_interval(row, 'share', '+')}" for _, row in rows.iterrows())
    pairs = record.rows("tests", game=f"{name}5", measure=SHARED, level=level, head=HEAD)
    sure = [pair.split(" > ") for pair in higher_first(pairs)]
    above = [lower for higher, lower in sure if higher == name]
    below = [higher for higher, lower in sure if lower == name]
    verdict = f"after Holm's correction significantly above {listed(above)}, below {listed(below)}"
    return f"{record.titles.get(name, name)}, {level}s: its share is the {rank} of five ({each}), {verdict}."


def substitutes(record: Record) -> str:
    """Log-mel in the place of each encoder, and whether a subset without it is the best."""
    return bullets(_substituted(record.rows("substitutes", level=level, head=HEAD)) for level in LEVELS[::-1])


def _substituted(rows: pd.DataFrame) -> str:
    rows = rows.set_index("what")
    less = {what: points(row["difference"], row["diff_low"], row["diff_high"]) for what, row in rows.iterrows()}
    each = "; ".join(f"{what} {difference}" for what, difference in less.items() if what.startswith("instead of"))
    with_it, without = rows.loc["the best with log-mel"], rows.loc["the best without"]
    return (
        f"Log-mel in the place of one of the four, less all four ({rows['level'].iloc[0]}s): {each}. Of the 31 subsets of "
        f"five the best with it is {with_it['subset']} ({number(with_it['value'])}), without it {short(without['subset'])} "
        f"({number(without['value'])}): {less['the best with log-mel']}, both picked by their test scores."
    )


# Games with known answers


def xor(record: Record) -> str:
    """Labels that only two encoders together know, by each head."""
    table = record.table("xor").reindex(columns=["head", "subset", "value", "low", "high", "chance"])
    table = table.assign(text=[with_interval(row) for _, row in table.iterrows()])
    rows = table[~table["subset"].isin(["chance", "constant"])].pivot(index="subset", columns="head", values="text")
    rows = rows.loc[sorted(rows.index, key=lambda name: name.count("+"))]
    by_head = markdown(["", *(f"{name} head" for name in rows)], rows.reset_index().to_numpy())
    chance = number(table["chance"].iloc[0])
    return (
        "Macro mAP of labels that are the exclusive-or of pitch and timbre, which an encoder that knows nothing of the other "
        f"family could only guess (chunks, encoders of the first seed); chance has {chance}.\n\n{by_head}"
    )


def copies(record: Record) -> str:
    """An exact copy of an encoder gets a share, although it adds nothing."""
    rows = record.rows("copies", head=HEAD)
    each = ", ".join(f"{row.player} {number(row.share, sign='+')}" for row in rows.itertuples())
    return f"A copy of the pitch encoder plays beside it: shares {each} (chunks, encoders of the first seed). A share says what is known, not what only one knows."


# Curves


def curves(record: Record) -> str:
    """Share and added last of each encoder, and the value of all four, at each part of the budget and of the data; by clips."""
    rows = record.rows("curves", level="clip", head=HEAD, measure=SHARED)
    tables = [_curve(str(name), of) for name, of in rows.groupby("curve", sort=False)]
    return "\n\n".join([*tables, bullets(curve_sentences(record.table("curve_ends"), "clip", HEAD))])


def _curve(name: str, rows: pd.DataFrame) -> str:
    cells, names = rows.set_index(["encoder", "what", "part"]), encoders(rows_with(rows, what="share")["encoder"])
    table = []
    for _, row in rows_with(rows, encoder="all four", what="value").iterrows():
        pairs = [[cells.loc[(each, what, row["part"])] for what in ("share", "added_last")] for each in names]
        each = [", ".join(with_interval(cell, sign="+") for cell in pair) for pair in pairs]
        table.append([f"{row['part']:g}", *each, with_interval(row)])
    of = {"budget": "epochs", "data": "training groups"}.get(name, name)
    return markdown([f"part of the {of}", *(f"{each}: share, added last" for each in names), "all four reach"], table)


# Probes


def probes(record: Record) -> str:
    """What a linear model reads of each property off each frozen embedding, in percent; untrained after it."""
    table, rows = record.table("probes"), []
    names = [*encoders(name for name in table["encoder"] if name != ALL_FOUR), ALL_FOUR]
    cells = table.set_index(["property", "encoder", "control"])
    for name in dict.fromkeys(table["property"]):
        rows.append([probe_sentences.heading(name), *(_probe(cells, name, encoder) for encoder in names)])
    return markdown(["property", *(short(name) for name in names)], rows)


def _probe(cells: pd.DataFrame, name: str, encoder: str) -> str:
    if (name, encoder, "") not in cells.index:
        return ""
    text, bare = with_interval(cells.loc[(name, encoder, "")]), (name, encoder, "untrained")
    return f"{text}; untrained {number(cells.loc[bare, 'value'])}" if bare in cells.index else text


def probe_findings(record: Record) -> str:
    """Who has most of each property, and what the controls of the probes say."""
    table = record.table("probes")
    return bullets([*probe_sentences.known_best(table), *probe_sentences.checked(table)])


def similarity(record: Record) -> str:
    """What of one embedding can be had from others."""
    return bullets(probe_sentences.similarity(record.table("similarity")))


def gains(record: Record) -> str:
    """What is added to waveform in bits of log-loss; by clips."""
    return bullets(probe_sentences.gains(record.table("gains"), "clip", HEAD))
