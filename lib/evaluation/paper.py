"""The paper's published numbers beside ours: Table 1, Table 2 and the ledger of claims. Fractions throughout.

They are of FSD50K, so they stand only beside a study of FSD50K; on other sounds Table 1 has ours alone, the others no row.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from lib.display.screen import counted, measure_name
from lib.encoders.heads import ALL_FOUR
from lib.evaluation import measures
from lib.evaluation.claims import with_intervals
from lib.evaluation.comparisons import difference_table
from lib.evaluation.games import CHANCE, CONSTANT
from lib.evaluation.peers import COSTS, peer_table
from lib.evaluation.results import SHARED, cell, headline, oracles
from lib.representations import names
from lib.sounds import corpora
from lib.study import Study

# Table 1 is "top-5 accuracy" on 1 s test chunks of FSD50K, Table 2 mean average precision on FSD50K.
TABLE1 = {"pitch": 0.272, "timbre": 0.342, "neuralogram": 0.437, "waveform": 0.419, "all four": 0.449}


@dataclass(frozen=True)
class Row:
    """A row of Table 2: the paper's number, and what its source says of the system, which is not always what the paper says."""

    system: str
    published: float
    extra_data: str  # as the source has it
    fsd50k_in_pretraining: str
    selected_on: str
    crop: str
    source: str
    parameters: float | None = None
    by_others: float | None = None  # by another party, or by the authors once more


SILENT = "does not say"
TABLE2 = [
    Row("DenseNet", 0.425, "no", "no", "validation", "1 s every 0.5 s, mean of logits",
        "E. Fonseca et al., FSD50K; its 12.5 M parameters are not DenseNet-121's (7.15 M with 1 channel and 200 classes)", 7.15e6, 0.432),
    Row("Audio Transformer", 0.537, "no", "no", "no validation clips in sight: 40,000 to train, 10,000 to evaluate", "1 s",
        "P. Verma, J. Berger, arXiv:2105.00335 v1; a lecture of its author", 2.3e6),
    Row("Knowledge Distillation (its teacher)", 0.548, "yes (speech: wav2vec 2.0)", "no", "best validation epoch", SILENT,
        "K. Choi et al., arXiv:2110.14131: 54.8 is the undistilled teacher, not a distilled model without extra data", 315e6),
    Row("Knowledge Distillation (its best student)", 0.347, "through its teacher", "no", "best validation epoch", SILENT,
        "the same authors' post: Att-RNN, weight 0.1; not a row of the paper"),
    Row("Wav2CLIP", 0.431, "yes (CLIP's images, VGGSound)", "no", SILENT, "the whole clip",
        "H.-H. Wu et al.; the paper says no extra data. Frozen, the HEAR leaderboard has 36.2", 11.2e6, 0.362),
    Row("Bank of Filterbanks", 0.552, "no", "no", SILENT, "1 s", "P. Verma, C. Chafe, arXiv:2303.10446"),
    Row("PSLA", 0.567, "yes (ImageNet start, labels corrected)", "no", "validation", "30 s",
        "Y. Gong et al., arXiv:2102.01243; its authors' rerun has 55.8 for one checkpoint", 13.6e6, 0.558),
    Row("PaSST-N-S", 0.642, "yes (AudioSet)", "no", "nothing: last and averaged weights", "10 s, at random",
        "K. Koutini et al., arXiv:2110.05069; by others: the HEAR leaderboard, a PaSST of AudioSet frozen", 85.6e6, 0.641),
    Row("ONE-PEACE", 0.697, "yes", SILENT, "the EVALUATION clips (its configuration)", "15 s",
        "P. Wang et al.; 4 billion parameters, not 40. Not run here: 16 GB of weights and a fairseq of its own", 4e9),
    Row("CLAP", 0.586, "yes", "YES: among its pretraining pairs", SILENT, "5 s",
        "B. Elizalde et al., 2022, supervised; later versions too were trained on FSD50K", 85.0e6),
    Row("all four", 0.596, "no", "no", SILENT, "1 s chunks", "the paper", 4e6),
]  # fmt: skip
TABLE2_COLUMNS = [
    "row", "extra_data", "published", "obtained", "low", "high", "source", "by_others", "fsd50k_in_pretraining", "selected_on", "crop",
    "heard", "parameters", "gmacs_a_second", "seconds_an_hour", "seeds",
]  # fmt: skip
LEDGER_COLUMNS = ["claim", "published", "obtained", "low", "high", "deviation", "seeds", "reason"]
CORPUS = "fsd50k"  # the paper's own
NOT_OURS = "not trained here: its authors' number, by a protocol of their own"
READ_AS = {"Table 1": "recall@5", "Table 2": SHARED}  # what the paper's numbers may be: only that is held against them


def table1(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Table 1 at chunk level, the headline measure first; `table` is subsets.csv.

    `own` is an encoder's own classifier, `retrained` the fresh paper head on its embedding (for "all four" the only
    one). low and high belong to the number that the paper gives: own for an encoder, retrained for all four; those of
    the fresh heads stand in columns of their own, too.
    """
    first, best, rows = headline(study), oracles(study), []
    for measure in [first, *(name for name in measures.NAMES if name != first)]:
        constant, by_chance = (cell(table, name, "none", measure).value for name in (CONSTANT, CHANCE))
        for name in [*names(), "all four"]:
            retrained = cell(table, ALL_FOUR if name == "all four" else name, "paper", measure)
            own = None if name == "all four" else cell(table, name, "own", measure)
            shown = retrained if own is None else own
            rows.append({
                "row": name, "measure": measure,
                "published": TABLE1.get(name) if measure == first and is_the_papers(study) else None,
                "own": None if own is None else own.value, "retrained": retrained.value, "low": shown.low,
                "high": shown.high, "constant": constant, "oracle": best[measure], "chance": by_chance,
                "retrained_low": retrained.low, "retrained_high": retrained.high,
            })  # fmt: skip
    return pd.DataFrame(rows)


def own_and_fresh(rows: pd.DataFrame) -> dict[str, list[str]]:
    """Columns for the screen of rows of table1.csv: both numbers of each row, in percent, each with its own interval."""
    given = rows["own"].notna()
    # a table that was written before the fresh heads had columns of their own has an interval of all four's alone
    ends = {end: rows.get(f"retrained_{end}", rows[end].where(~given)) for end in ("low", "high")}
    own = [text if there else "" for text, there in zip(with_intervals(rows, "own"), given, strict=True)]
    return {"own classifier": own, "fresh head": with_intervals(rows.assign(**ends), "retrained")}


def is_the_papers(study: Study) -> bool:
    """Whether the study is of the paper's own corpus, so that its numbers can stand beside ours."""
    return study.request.corpus == CORPUS


def table2(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Table 2: macro mAP of clips, published and obtained here by all four and by every peer that was run.

    On other corpora than the paper's no published number, and no row where no peer was run.
    """
    peers = _peers(study, table).rename(columns={"value": "obtained"})
    peers = peers.assign(source=[row.source or "run here" for row in peers.itertuples()])
    if not is_the_papers(study):
        return peers.assign(published=None).reindex(columns=TABLE2_COLUMNS).reset_index(drop=True)
    ours = cell(table, ALL_FOUR, "paper", SHARED, "clip")
    own = {"obtained": ours.value, "low": ours.low, "high": ours.high, "seeds": len(study.request.seeds)}
    costs = peers[peers["peer"] == ""][[*COSTS, "heard"]].to_dict("records")
    rows = [asdict(row) | {"row": row.system} for row in TABLE2]
    rows[-1] |= own | (costs[0] if costs else {}) | {"source": f"the paper on FSD50K; ours: {study.slug}"}
    shown = [*rows, *peers[peers["peer"] != ""].to_dict("records")]
    return pd.DataFrame(shown).reindex(columns=TABLE2_COLUMNS)


def ledger(study: Study, table: pd.DataFrame, differences: pd.DataFrame | None = None) -> pd.DataFrame:
    """What the paper claims, what was obtained, and how far apart they are; `seeds` is how many ours has.

    One row for each cell of Tables 1 and 2, and two differences. Nothing is obtained for a system that is not trained here.
    No row on other corpora than the paper's, and no deviation where the measure is not its own: `reason` says so.
    """
    if not is_the_papers(study):
        return pd.DataFrame(columns=LEDGER_COLUMNS)
    measure, claims = headline(study), []
    differences = difference_table(study) if differences is None else differences
    where = _where(study)
    other = {name: _not_comparable(study, name, of) for name, of in (("Table 1", measure), ("Table 2", SHARED))}
    why = f"{where}; the paper's top-5 accuracy is not defined, this is {measure_name(measure)} of chunks"
    for row in table1(study, table).query("measure == @measure and published.notna()").itertuples():
        obtained = row.retrained if row.row == "all four" else row.own
        claims.append((f"Table 1: {row.row}", row.published, obtained, row.low, row.high, why))
    claims += [_difference(differences, name, where) for name in ("neuralogram", "waveform")]
    ours = cell(table, ALL_FOUR, "paper", SHARED, "clip")
    why = f"{where}; macro mAP of clips, and the paper does not say whether it means macro or micro"
    claims.append(("Table 2: all four", TABLE2[-1].published, ours.value, ours.low, ours.high, why))
    claims += list(_of_peers(study, table, where))
    rows = []
    for claim, published, obtained, low, high, reason in claims:
        incomparable = other[claim[:7]]
        deviation = np.nan if incomparable else obtained - published
        seeds = len(study.request.seeds)
        rows.append((claim, published, obtained, low, high, deviation, seeds, reason + incomparable))
    nothing = (np.nan,) * 4
    for row in TABLE2[:-1]:
        rows.append((f"Table 2: {row.system}", row.published, *nothing, None, f"{NOT_OURS} ({row.source})"))
    return pd.DataFrame(rows, columns=LEDGER_COLUMNS).astype({"seeds": "Int64"})


def _peers(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of peers.csv as Table 2 shows them: with the paper's head, or where it was trained here its own classifier."""
    rows = peer_table(study, table)
    rows = rows[rows["measure"] == SHARED]
    own = (rows["trained_here"] == True) & (rows["peer"] != "")  # noqa: E712 (a column)
    return rows[(own & (rows["head"] == "own")) | (~own & (rows["head"] == "paper"))]


def _of_peers(study: Study, table: pd.DataFrame, where: str) -> Iterator[tuple]:
    """The claims about systems that were run here: trained ones by their own classifier, frozen ones by the paper's head."""
    for row in _peers(study, table).query("published.notna()").itertuples():
        how = "trained from scratch on 1 s" if row.trained_here else f"frozen, {row.heard}, with the study's head"
        why = f"{where}; published by {row.source}; here {how}"
        yield f"Table 2: {row.row}, {row.heard}", row.published, row.value, row.low, row.high, why


def _not_comparable(study: Study, table: str, measure: str) -> str:
    """Why ours has no deviation from this table of the paper; empty where corpus and measure are the same."""
    if (study.request.corpus, measure) == (CORPUS, READ_AS[table]):
        return ""
    theirs = f"{measure_name(READ_AS[table])} on {corpora.title(CORPUS)}"
    return f"; no deviation: {measure_name(measure)} on {study.title} is not {theirs}"


def _where(study: Study) -> str:
    """What of corpus and settings is not the paper's."""
    corpus = "" if study.request.corpus == CORPUS else f"another corpus ({study.title})"
    preset = "" if study.request.preset == "paper" else f"preset {study.request.preset}"
    subset = "" if study.settings.subset == 1 else f"{study.settings.subset:g} of its clips"
    others = [pair for pair in study.request.set.split() if not pair.startswith("subset=")]
    return ", ".join(part for part in (corpus, preset, subset, *others) if part) or "same corpus and settings"


def _difference(differences: pd.DataFrame, other: str, where: str) -> tuple:
    row = differences.query("first == @ALL_FOUR and second == @other and level == 'chunk'").iloc[0]
    best = {"neuralogram": "its best single one", "waveform": "its end-to-end baseline"}
    what = f"the {other}, {best[other]}"
    spread = "one seed, whose spread is not in it" if row.seeds == 1 else f"the spread of {row.seeds} seeds is in it"
    paired = f"a paired interval over {counted(row.groups, 'group')} of clips, {spread}"
    why = f"{where}; {measure_name(row.measure)} of chunks, the same fresh head on both; {paired}"
    published = round(TABLE1["all four"] - TABLE1[other], 3)
    return f"Table 1: all four less {what}", published, row.difference, row.low, row.high, why
