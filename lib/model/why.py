"""Why a sound got its tags: what each encoder says of it, what is said without it, and which seconds decided."""

import numpy as np
import pandas as pd

from lib.model.trained import Embedded, Model


def said_by_each(model: Model, found: Embedded, n_classes: int = 5) -> pd.DataFrame:
    """Scores of the classes that all encoders score highest: [class, all, then an encoder alone by its own head]."""
    return _scores(model, found, n_classes, {"all": model.names} | {name: (name,) for name in model.names})


def without_each(model: Model, found: Embedded, n_classes: int = 5) -> pd.DataFrame:
    """The same by the head on all, and by the heads on all but one: [class, all, "without pitch", ...].

    Each head was trained on its own subset: an encoder that the others can stand in for changes little.
    """
    others = {f"without {name}": tuple(each for each in model.names if each != name) for name in model.names}
    return _scores(model, found, n_classes, {"all": model.names} | others)


def _scores(model: Model, found: Embedded, n_classes: int, subsets: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    scores = {title: model.tag(found, encoders=subset).clip for title, subset in subsets.items()}
    best = np.argsort(-scores["all"], kind="stable")[:n_classes]
    return pd.DataFrame(
        {"class": [model.classes[k] for k in best], **{title: each[best] for title, each in scores.items()}}
    )


def by_second(model: Model, found: Embedded, label: str) -> pd.DataFrame:
    """Each second's score of a class, and how far the clip's score falls where that second is left out.

    [start_s, score, decided]; a silent second does not count and decides nothing, nor does a second that is alone.
    """
    scores, counted = model.tag(found).seconds[:, model.classes.index(label)], found.counted
    n, total = counted.sum(), scores[counted].sum()
    rest = (total - scores) / (n - 1) if n > 1 else scores
    return pd.DataFrame(
        {"start_s": found.start_s, "score": scores, "decided": np.where(counted & (n > 1), total / n - rest, 0.0)}
    )
