"""The paper's published numbers beside ours: Table 1, Table 2 and the ledger of claims. Fractions throughout.

They are of FSD50K, so they stand only beside a study of FSD50K; on other sounds Table 1 has ours alone, the others no row.
"""


import numpy as np
import pandas as pd

from lib.display.screen import counted, measure_name
from lib.encoders.heads import ALL_FOUR
from lib.evaluation import measures
from lib.evaluation.comparisons import difference_table
from lib.evaluation.games import CHANCE, CONSTANT
from lib.evaluation.results import SHARED, cell, headline, oracles
from lib.representations import names
from lib.sounds import corpora
from lib.study import Study

# Table 1 is "top-5 accuracy" on 1 s test chunks of FSD50K, Table 2 mean average precision on FSD50K.
TABLE1 = {"pitch": 0.272, "timbre": 0.342, "neuralogram": 0.437, "waveform": 0.419, "all four": 0.449}
TABLE2 = [
    ("DenseNet", "no", 0.425), ("Audio Transformer", "no", 0.537), ("Knowledge Distillation", "no", 0.548),
    ("Wav2CLIP", "no (its encoder is distilled from CLIP on VGGSound)", 0.431), ("Bank of Filterbanks", "no", 0.552),
    ("PSLA", "yes", 0.567), ("PaSST-N-S", "yes", 0.642), ("ONE-PEACE", "yes", 0.697), ("CLAP", "yes", 0.586),
    ("all four", "no", 0.596),
]  # fmt: skip
TABLE2_COLUMNS = ["row", "extra_data", "published", "obtained", "low", "high", "source"]
LEDGER_COLUMNS = ["claim", "published", "obtained", "low", "high", "deviation", "seeds", "reason"]
CORPUS = "fsd50k"  # the paper's own
NOT_OURS = "not trained here: its authors' number, by a protocol of their own"
READ_AS = {"Table 1": "recall@5", "Table 2": SHARED}  # what the paper's numbers may be: only that is held against them


def table1(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Table 1 at chunk level, the headline measure first; `table` is subsets.csv.

    `own` is an encoder's own classifier, `retrained` the fresh paper head on its embedding (for "all four" the only
    one). low and high belong to the number that the paper gives: own for an encoder, retrained for all four.
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
            })  # fmt: skip
    return pd.DataFrame(rows)


def is_the_papers(study: Study) -> bool:
    """Whether the study is of the paper's own corpus, so that its numbers can stand beside ours."""
    return study.request.corpus == CORPUS


def table2(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Table 2: the paper's mAP values, and ours for all four: clip scores, mean over classes; no row on other corpora."""
    if not is_the_papers(study):
        return pd.DataFrame(columns=TABLE2_COLUMNS)
    ours, rows = cell(table, ALL_FOUR, "paper", SHARED, "clip"), []
    for row, extra, published in TABLE2:
        source, obtained = "the paper's Table 2, on FSD50K", (None, None, None)
        if row == "all four":
            source, obtained = f"the paper on FSD50K; ours: {study.slug}", (ours.value, ours.low, ours.high)
        rows.append((row, extra, published, *obtained, source))
    return pd.DataFrame(rows, columns=TABLE2_COLUMNS)


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
    claims.append(("Table 2: all four", TABLE2[-1][2], ours.value, ours.low, ours.high, why))
    rows = []
    for claim, published, obtained, low, high, reason in claims:
        incomparable = other[claim[:7]]
        deviation = np.nan if incomparable else obtained - published
        seeds = len(study.request.seeds)
        rows.append((claim, published, obtained, low, high, deviation, seeds, reason + incomparable))
    nothing = (np.nan,) * 4
    rows += [(f"Table 2: {row}", published, *nothing, None, NOT_OURS) for row, _, published in TABLE2[:-1]]
    return pd.DataFrame(rows, columns=LEDGER_COLUMNS).astype({"seeds": "Int64"})


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
