"""Stored scores in, the study's tables out. Every number here recomputes from runs/<study>/scores.

A table of several folds averages measure by measure: scores of different models are never pooled. Values are fractions
(d' apart), as in the tables on disk; percent is for the screen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lib import contributions, files, measures
from lib.representations import PAPER, names
from lib.settings import Scoring, decisions
from lib.study import Study, missing
from lib.subsets import label, subsets

CONSTANT = "constant"
LEVELS = ("chunk", "clip")
SHARED = "map_macro"  # the measure that is shared out among the encoders
HEADLINE = {"fsd50k": "recall@5", "esc50": "top1", "planted": "map_macro"}  # of Table 1; "map_macro" for own sounds

# The paper's numbers, as fractions: Table 1 is "top-5 accuracy" on 1 s test chunks of FSD50K, Table 2 mAP on FSD50K.
TABLE1 = {"pitch": 0.272, "timbre": 0.342, "neuralogram": 0.437, "waveform": 0.419, "all four": 0.449}
TABLE2 = [
    ("DenseNet", "no", 0.425), ("Audio Transformer", "no", 0.537), ("Knowledge Distillation", "no", 0.548),
    ("Wav2CLIP", "no (its encoder is distilled from CLIP on VGGSound)", 0.431), ("Bank of Filterbanks", "no", 0.552),
    ("PSLA", "yes", 0.567), ("PaSST-N-S", "yes", 0.642), ("ONE-PEACE", "yes", 0.697), ("CLAP", "yes", 0.586),
    ("all four", "no", 0.596),
]  # fmt: skip
ALL_FOUR = label(PAPER)


@dataclass(frozen=True)
class TestSet:
    """What the scores of a run are held against: targets [item, class], group [item], leaves [class] at one level."""

    targets: np.ndarray
    groups: np.ndarray
    leaves: np.ndarray


class Scores:
    """The stored scores of one run with one test fold or role."""

    def __init__(self, study: Study) -> None:
        self.study = study
        path = study.folder / "scores" / "test.npz"
        if not path.exists():
            raise missing(path, "03_subsets")
        with np.load(path) as stored:
            self.stored = {name: stored[name] for name in stored.files}

    @cached_property
    def tests(self) -> dict[str, TestSet]:
        """The test set at chunk and clip level."""
        targets, clip, group, leaves = (self.stored[name] for name in ("targets", "clip", "group", "leaf"))
        _, first = np.unique(clip, return_index=True)
        first = np.sort(first)  # a clip's row is its first chunk's: clips in order of appearance
        return {"chunk": TestSet(targets, group, leaves), "clip": TestSet(targets[first], group[first], leaves)}

    def read(self, subset: str, head: str, seed: int) -> dict[str, np.ndarray]:
        """Scores [item, class] at chunk and clip level."""
        path = self.study.scores(subset, head, seed)
        if not path.exists():
            raise missing(path, "02_train_encoder" if head == "own" else "03_subsets")
        scores = np.load(path)
        return {"chunk": scores, "clip": measures.clip_means(scores, self.stored["clip"])[1]}


def write_test_set(study: Study) -> None:
    """Write scores/test.npz: what all score matrices [chunk, class] of the run are held against, row by row."""
    chunks = study.chunks
    rows = chunks.rows("test")
    with files.whole(study.folder / "scores" / "test.npz") as temporary:
        np.savez_compressed(
            temporary, targets=chunks.targets[rows], clip=chunks.ids[rows], start_s=chunks.start_s[rows],
            classes=np.array(chunks.corpus.classes), group=chunks.groups[rows], leaf=chunks.corpus.leaves,
        )  # fmt: skip


def write_scores(study: Study, subset: str, head: str, seed: int, scores: np.ndarray) -> None:
    """Write scores [chunk, class] of the test chunks: float32, or float16 where a run's would pass 1 GB."""
    with files.whole(study.scores(subset, head, seed)) as temporary:
        np.save(temporary, scores.astype(np.float16 if scores.nbytes > 30_000_000 else np.float32))


def write_constant(study: Study) -> None:
    """Write the scores of the constant predictor: the training prevalence of each class, whatever the sound."""
    chunks = study.chunks
    prevalence = measures.constant_scores(chunks.targets[chunks.rows(*study.settings.trained_on.split("+"))])
    constant = np.tile(prevalence.astype(np.float32), (len(chunks.rows("test")), 1))
    for seed in study.request.seeds:
        write_scores(study, CONSTANT, "none", seed, constant)


def models(study: Study) -> list[tuple[str, str]]:
    """Subset and head of everything that is scored, in the order of the table."""
    own = [(name, "own") for name in names()]
    heads = [(label(subset), head) for head in study.settings.heads.kinds for subset in subsets(names())]
    return [(CONSTANT, "none"), *own, *heads]


def subset_table(study: Study) -> pd.DataFrame:
    """The rows of subsets.csv: every model by level, measure and seed, and the mean of the seeds, with intervals.

    The interval is a bootstrap over groups within each test fold, the same draws for every model; of the mean row it
    resamples clips and not seeds.
    """
    parts = [Scores(part) for part in study.parts]
    fold = "mean" if study.request.fold == "all" else str(study.request.fold or "")
    rows = []
    for subset, head in models(study):
        for level in LEVELS:
            for seed, values, draws in _by_seed(parts, subset, head, level, study):
                rows += _rows(values, draws, study.settings.scoring, {
                    "subset": subset, "n_encoders": 0 if subset == CONSTANT else subset.count("+") + 1, "head": head,
                    "seed": seed, "fold": fold, "role": "test", "level": level,
                })  # fmt: skip
    return pd.DataFrame(rows)


def _by_seed(
    parts: Sequence[Scores], subset: str, head: str, level: str, study: Study
) -> Iterator[tuple[str, list[dict[str, measures.Value]], dict[str, np.ndarray]]]:
    """For each seed, then for their mean: values of each fold (and seed), and resampled values averaged over them."""
    values, draws = {}, {}
    for seed in study.request.seeds:
        scores = [part.read(subset, head, seed)[level] for part in parts]
        values[seed] = [_values(part.tests[level], one) for part, one in zip(parts, scores, strict=True)]
        each = [_draws(part.tests[level], one, study.settings.scoring) for part, one in zip(parts, scores, strict=True)]
        draws[seed] = {name: np.mean([one[name] for one in each], axis=0) for name in measures.NAMES}
        yield str(seed), values[seed], draws[seed]
    mean = {name: np.mean([one[name] for one in draws.values()], axis=0) for name in measures.NAMES}
    yield "mean", [value for per_fold in values.values() for value in per_fold], mean


def _values(test: TestSet, scores: np.ndarray) -> dict[str, measures.Value]:
    return measures.evaluate(test.targets, scores, test.leaves)


def _draws(test: TestSet, scores: np.ndarray, scoring: Scoring, only: Sequence[str] = measures.NAMES) -> dict[str, np.ndarray]:
    return measures.bootstrap(test.targets, scores, test.groups, only, scoring.resamples, scoring.seed, test.leaves)


def _rows(
    values: list[dict[str, measures.Value]], draws: dict[str, np.ndarray], scoring: Scoring, head: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for name in measures.NAMES:
        low, high = interval(draws[name], scoring.level)
        each = [value[name] for value in values]
        yield {
            **head, "measure": name, "value": np.mean([value.value for value in each]), "low": low, "high": high,
            "n": sum(value.n for value in each), "left_out": sum(value.left_out for value in each), "control": "",
        }  # fmt: skip


def interval(draws: np.ndarray, level: float) -> tuple[float, float]:
    """Percentile interval of resampled values [resample]; NaN where there are none."""
    if np.isnan(draws).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def headline(study: Study) -> str:
    """The measure that stands first in Table 1 for this corpus."""
    return HEADLINE.get(study.request.corpus, SHARED)


def pick(table: pd.DataFrame, **wanted: str) -> pd.Series:
    """The one row of subsets.csv with these values."""
    chosen = table[np.logical_and.reduce([table[column] == value for column, value in wanted.items()])]
    if len(chosen) != 1:
        raise KeyError(f"{len(chosen)} rows of subsets.csv have {wanted}, one is wanted")
    return chosen.iloc[0]


def table1(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Table 1 at chunk level, the headline measure first.

    `own` is an encoder's own classifier, `retrained` the fresh paper head on its embedding (for "all four" the only
    one). low and high belong to the number that the paper gives: own for an encoder, retrained for all four.
    """
    order = [headline(study), *(name for name in measures.NAMES if name != headline(study))]
    best = oracles(study)
    rows = []
    for measure in order:
        constant = _cell(table, CONSTANT, "none", measure).value
        for name in [*names(), "all four"]:
            own = None if name == "all four" else _cell(table, name, "own", measure)
            again = _cell(table, ALL_FOUR if name == "all four" else name, "paper", measure)
            shown = again if own is None else own
            rows.append({
                "row": name, "measure": measure, "published": TABLE1.get(name) if measure == order[0] else None,
                "own": None if own is None else own.value, "retrained": again.value, "low": shown.low,
                "high": shown.high, "constant": constant, "oracle": best[measure],
            })  # fmt: skip
    return pd.DataFrame(rows)


def _cell(table: pd.DataFrame, subset: str, head: str, measure: str, level: str = "chunk") -> pd.Series:
    return pick(table, subset=subset, head=head, measure=measure, level=level, seed="mean", control="")


def oracles(study: Study, level: str = "chunk") -> dict[str, float]:
    """The best value that any scores could have, by measure; over folds the mean."""
    each = [measures.oracle(test.targets, test.leaves) for test in (Scores(part).tests[level] for part in study.parts)]
    return {name: float(np.mean([one[name].value for one in each])) for name in measures.NAMES}


def table2(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Table 2: the paper's mAP values, and ours for all four: clip scores, mean over classes."""
    rows = [
        {"row": row, "extra_data": extra, "published": published, "obtained": None, "low": None, "high": None,
         "source": "the paper's Table 2, on FSD50K"}
        for row, extra, published in TABLE2
    ]  # fmt: skip
    ours = _cell(table, ALL_FOUR, "paper", SHARED, "clip")
    rows[-1] |= {"obtained": ours.value, "low": ours.low, "high": ours.high, "source": f"the paper on FSD50K; ours: {study.slug}"}
    return pd.DataFrame(rows)


def ledger(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """What the paper claims, what was obtained, and how far apart they are: one row a claim."""
    measure, seeds = headline(study), ",".join(map(str, study.request.seeds))
    where = "same corpus" if study.request.corpus == "fsd50k" else f"another corpus ({study.request.corpus}) and preset"
    reason = f"{where}; the paper's top-5 accuracy is not defined, this is {measure} of chunks"
    rows = []
    for row in table1(study, table).query("measure == @measure and published.notna()").itertuples():
        obtained = row.retrained if row.row == "all four" else row.own
        rows.append(_claim(f"Table 1: {row.row}", row.published, obtained, row.low, row.high, seeds, reason))
    ours = _cell(table, ALL_FOUR, "paper", SHARED, "clip")
    rows.append(_claim("Table 2: mAP of all four", 0.596, ours.value, ours.low, ours.high, seeds, f"{where}; clip map_macro"))
    rows.append(_best_single(study, table, measure, seeds))
    return pd.DataFrame(rows)


def _best_single(study: Study, table: pd.DataFrame, measure: str, seeds: str) -> dict[str, Any]:
    """All four less the neuralogram, which the paper names as its best single one: a paired difference of heads."""
    scoring = study.settings.scoring
    draws = []
    for part in map(Scores, study.parts):
        for seed in study.request.seeds:
            both = (part.read(subset, "paper", seed)["chunk"] for subset in (ALL_FOUR, "neuralogram"))
            all_four, single = (_draws(part.tests["chunk"], scores, scoring, [measure])[measure] for scores in both)
            draws.append(all_four - single)
    obtained = _cell(table, ALL_FOUR, "paper", measure).value - _cell(table, "neuralogram", "paper", measure).value
    claim = "Table 1: all four less the neuralogram, the paper's best single one"
    reason = f"{measure} of chunks, the same fresh head on both; a paired bootstrap over groups, seeds not resampled"
    return _claim(claim, round(TABLE1["all four"] - TABLE1["neuralogram"], 3), obtained, *interval(np.mean(draws, 0), scoring.level), seeds, reason)


def _claim(claim: str, published: float, obtained: float, low: float, high: float, seeds: str, reason: str) -> dict[str, Any]:
    return {
        "claim": claim, "published": published, "obtained": obtained, "low": low, "high": high,
        "deviation": obtained - published, "seeds": seeds, "reason": reason,
    }  # fmt: skip


def decision_table(study: Study) -> pd.DataFrame:
    """The rows of decisions.csv: every open point of the paper, as this run settles it."""
    from lib.representations import kind
    from lib.representations.base import settings_of

    rows = list(decisions(study.settings))
    for name in names():
        own = settings_of(kind(name), study.settings.representations.get(name, {}))
        rows += decisions(own, f"representations.{name}.")
    return pd.DataFrame(rows)


def share_table(study: Study, level: str = "clip", measure: str = SHARED) -> pd.DataFrame:
    """The rows of contributions.csv: each encoder's Shapley share of a measure, by head, mean of seeds and folds.

    The intervals resample groups, the same draws for every subset; seeds are not resampled.
    """
    parts, scoring = [Scores(part) for part in study.parts], study.settings.scoring
    four = [name for name in names() if name in PAPER]
    rows = []
    for head in study.settings.heads.kinds:
        values, draws = {}, {}
        for subset in [(), *subsets(four)]:
            model = (label(subset), head) if subset else (CONSTANT, "none")
            stored = [(part.tests[level], part.read(*model, seed)[level]) for part in parts for seed in study.request.seeds]
            each = [measures.evaluate(test.targets, scores, test.leaves, [measure])[measure].value for test, scores in stored]
            values[subset] = np.mean(each)
            draws[subset] = np.mean([_draws(test, scores, scoring, [measure])[measure] for test, scores in stored], axis=0)
        shares, drawn = contributions.shapley(values), contributions.shapley(draws)
        for name in four:
            low, high = interval(drawn[name], scoring.level)
            rows.append({
                "game": "paper4", "encoder": name, "group": "all", "measure": measure, "level": level, "head": head,
                "share": float(shares[name]), "low": low, "high": high, "seeds": len(study.request.seeds),
            })  # fmt: skip
    return pd.DataFrame(rows)


def parameter_table(study: Study, n_classes: int = 200) -> pd.DataFrame:
    """Trainable numbers of each encoder [encoder, without_classifier, with_classifier, mobilenet] for n classes."""
    from lib.encoders import Encoder
    from lib.transformer import n_parameters

    rows = []
    for name in names():
        encoder = Encoder(name, n_classes, study.settings)
        learned_before = sum(n_parameters(part) for key, part in encoder.representation.named_children() if key == "network")
        whole = n_parameters(encoder) - learned_before
        rows.append({
            "encoder": name, "without_classifier": whole - n_parameters(encoder.classifier), "with_classifier": whole,
            "mobilenet": learned_before,
        })  # fmt: skip
    total = {column: sum(row[column] for row in rows) for column in ("without_classifier", "with_classifier", "mobilenet")}
    return pd.DataFrame([*rows, {"encoder": "all", **total}])
