"""How far a definition alone moves a number: stored scores in, a table out.

`definition_table` holds the same stored scores against every definition that the paper leaves open:

    items    chunks, or clips whose score is the mean of their chunks' scores, the mean of the sigmoids of these, or
             the maximum
    labels   all, as they are stored (with those that an ontology adds above them), or leaf classes alone: labels and
             scores of the other classes are taken away (so recall@5 of leaves is the leaf_recall@5 of lib.evaluation.measures)
    measure  mean average precision by class or over all pairs; six readings of "top-5 accuracy"

Two readings are not in lib.evaluation.measures: `first_label@5`, what Keras' top-k gives when the first label (argmax of the
targets) stands for all of an item's, and `label_recall@5`, found labels of all items / all labels. Ties, items without
a label and corpora of few classes are treated as there.

Values are fractions.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.encoders.heads import ALL_FOUR
from lib.evaluation import chance, measures
from lib.evaluation.games import CHANCE, CONSTANT
from lib.evaluation.measures import FIVE, Value
from lib.evaluation.scores import Ranked, Scores, parts_of
from lib.study import Study

MAP, TOP_FIVE, TOP_ONE = "mean average precision", "top-5 accuracy", "top-1 accuracy"
# measure -> what a paper would call it, and what it is
READINGS = {
    "map_macro": (MAP, "mAP, mean over classes"),
    "map_micro": (MAP, "mAP, all pairs of item and class"),
    "hit@5": (TOP_FIVE, "some label among five"),
    "first_label@5": (TOP_FIVE, "the first label among five (Keras)"),
    "recall@5": (TOP_FIVE, "share of an item's labels among five"),
    "label_recall@5": (TOP_FIVE, "share of all labels among five"),
    "precision@5": (TOP_FIVE, "share of the five that are labels"),
    "top1": (TOP_ONE, "the highest is a label"),
}
ITEMS = {
    ("chunk", "none"): "chunks",
    ("clip", "mean of scores"): "clips, mean of scores",
    ("clip", "mean of sigmoids"): "clips, mean of sigmoids",
    ("clip", "maximum"): "clips, maximum",
}
LABELS = {"all": "all labels", "leaves": "leaf labels only"}
COLUMNS = [
    "definition", "measure", "level", "aggregation", "labels", "value", "constant", "oracle", "n", "of", "family", "reason",
    "chance",
]  # fmt: skip

Array = np.ndarray
Items = tuple[str, str]  # level and aggregation, a key of ITEMS
Found = dict[tuple[str, str, str, str], Value]  # by measure, level, aggregation and labels


def definition_table(study: Study, subset: str = ALL_FOUR, head: str = "paper") -> pd.DataFrame:
    """One row a definition [COLUMNS] of the stored scores of one model; the constant predictor, the oracle and chance beside.

    Means over seeds, and over folds measure by measure; n is that of one seed, summed over folds. A definition that
    some fold cannot give has no value, and the reason.
    """
    parts, seeds = parts_of(study), study.request.seeds
    ours, constant = (
        [by_definition(part, aggregated(part, *model, seed)) for seed in seeds for part in parts]
        for model in ((subset, head), (CONSTANT, "none"))
    )
    oracle = [by_definition(part, {items: part.tests[items[0]].targets for items in ITEMS}) for part in parts]
    by_chance = [by_definition(part, dict.fromkeys(ITEMS)) for part in parts]
    of, rows = f"{'all four' if subset == ALL_FOUR else subset}, {head} head", []
    for key in ours[0]:
        (measure, level, aggregation, labels), (family, words) = key, READINGS[key[0]]
        each = {"value": ours, "constant": constant, "oracle": oracle, CHANCE: by_chance}
        rows.append({
            "definition": f"{words}; {ITEMS[level, aggregation]}; {LABELS[labels]}", "family": family,
            "measure": measure, "level": level, "aggregation": aggregation, "labels": labels,
            **{name: float(np.mean([one[key].value for one in values])) for name, values in each.items()},
            "n": sum(one[key].n for one in oracle), "of": of,
            "reason": next((one[key].reason for one in ours if one[key].reason), ""),
        })  # fmt: skip
    return pd.DataFrame(rows)[COLUMNS]


def aggregated(part: Scores, subset: str, head: str, seed: int) -> dict[Items, Array]:
    """Scores [item, class] of one stored model as chunks, and as clips in each way; clips as in Scores.tests."""
    scores, clip = part.read(subset, head, seed)["chunk"], part.stored["clip"]
    return {
        ("chunk", "none"): scores,
        ("clip", "mean of scores"): measures.clip_means(scores, clip)[1],
        ("clip", "mean of sigmoids"): measures.clip_means(sigmoid(scores), clip)[1],
        ("clip", "maximum"): clip_maxima(scores, clip),
    }


def sigmoid(scores: Array) -> Array:
    """Scores [...] through a sigmoid, as float32: then the mean of equal ones is exact, and clips that tie go on tying."""
    return np.exp(-np.logaddexp(0, -scores.astype(float))).astype(np.float32)


def clip_maxima(scores: Array, clip: Array) -> Array:
    """The highest score [clip, class] of each clip's chunks; clips in the order they first appear."""
    of_chunk = pd.factorize(clip)[0]
    order = np.argsort(of_chunk, kind="stable")
    starts = np.flatnonzero(np.diff(of_chunk[order], prepend=-1))
    return np.maximum.reduceat(scores[order].astype(float), starts, axis=0)


def by_definition(part: Scores, scores: Mapping[Items, Ranked]) -> Found:
    """Every reading of scores [item, class], one matrix for each way to make items, with all and with leaf labels.

    None in place of a matrix is a ranking by chance.
    """
    found = {}
    for items, matrix in scores.items():
        test = part.tests[items[0]]
        for labels, classes in (("all", np.ones(len(test.leaves), bool)), ("leaves", test.leaves)):
            values = readings(test.targets[:, classes], None if matrix is None else matrix[:, classes])
            found |= {(measure, *items, labels): value for measure, value in values.items()}
    order = list(READINGS)
    return dict(sorted(found.items(), key=lambda entry: order.index(entry[0][0])))


def readings(targets: Array, scores: Ranked) -> dict[str, Value]:
    """The measures of READINGS of scores [item, class]; of None those of a ranking by chance."""

    def evaluate(labels: Array, wanted: list[str]) -> dict[str, Value]:
        if scores is None:
            return chance.evaluate(labels, names=wanted)
        return measures.evaluate(labels, scores, names=wanted)

    values = evaluate(targets, [name for name in READINGS if name in measures.NAMES])
    values["first_label@5"] = evaluate(first_labels(targets), ["hit@5"])["hit@5"]
    precision, n_labels = values["precision@5"], int(targets.sum())
    values["label_recall@5"] = precision
    if not precision.reason:  # found labels of all items / all labels
        values["label_recall@5"] = Value(precision.value * FIVE * precision.n / n_labels, n_labels, 0)
    return values


def first_labels(targets: Array) -> Array:
    """Of each item [item, class] its first label alone; none where it has none."""
    return targets * (np.cumsum(targets, axis=1) == 1)


def definitions_sentence(table: pd.DataFrame) -> str:
    """From which to which percent the definitions alone move one model's scores; `table` is a definition_table."""
    known = table.dropna(subset="value")
    if not len(known):
        return f"No definition has a value on this corpus: {table['reason'].iloc[0]}."
    each = [f'as "{family}" {_span(rows)}' for family, rows in known.groupby("family", sort=False) if _moves(rows)]
    scores, percent = f"The same scores ({known['of'].iloc[0]})", 100 * known["value"]
    if not _moves(known):
        return f"{scores} give {percent.iloc[0]:.1f} percent by every definition."
    span = f"from {percent.min():.1f} to {percent.max():.1f} percent, depending only on the definition"
    return f"{scores} give {span}{': ' if each else ''}{', '.join(each)}."


def _moves(rows: pd.DataFrame) -> bool:
    """Whether the values differ as they are shown."""
    return (100 * rows["value"]).round(1).nunique() > 1


def _span(rows: pd.DataFrame) -> str:
    """Lowest and highest value with their definitions."""
    ends = rows.loc[rows["value"].idxmin()], rows.loc[rows["value"].idxmax()]
    return " to ".join(f"{100 * end['value']:.1f} ({end['definition']})" for end in ends)
