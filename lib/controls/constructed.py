"""Games whose answer is known by construction, on the embeddings of trained encoders: copies, and an exclusive-or.

`copies`: a second player that is an exact copy of the first. Their shares must be equal, and their interaction negative,
since whoever comes second adds nothing.

`xor`: labels that are the exclusive-or of a pitch class and a timbre. An encoder that knew only one of the two would know
nothing about them (a trained one knows a little of the other family too, and stands above chance by that); both together know
them, but only a head with a hidden layer can put them together. So what one reads off a linear head as "adds nothing" may be an
interaction that the head cannot use. The encoders were trained on the labels of the corpus; only heads are trained here.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from lib.encoders.heads import Head, HeadData, HeadPlan, label, score_subsets
from lib.encoders.training import device_of
from lib.evaluation import chance, shapley
from lib.evaluation.frozen import freedom, read_embeddings
from lib.evaluation.games import CHANCE
from lib.evaluation.intervals import Sampling
from lib.evaluation.resampling import Bootstrap
from lib.evaluation.results import SHARED, macro_map
from lib.evaluation.scores import resampling_seed
from lib.evaluation.shapley import Subset
from lib.study import Study

PLAYERS = ORIGINAL, OTHER = "pitch", "timbre"
COPY = f"{ORIGINAL} copy"


def copies(part: Study, seed: int) -> pd.DataFrame:
    """Shares of the pitch encoder, its copy and the timbre encoder, on test chunks [head, player, share, with_copy].

    with_copy: the interaction index of the player and the copy.
    """
    own, other = (read_embeddings(part, name, seed) for name in PLAYERS)
    embeddings = {ORIGINAL: own, COPY: own, OTHER: other}
    rows = []
    for head in part.settings.heads.kinds:
        game = _game(part, embeddings, part.chunks.targets, head, seed)
        shares, pairs = shapley.shapley(game), shapley.interactions(game)
        for name in embeddings:
            pair = (COPY, OTHER) if name == OTHER else (ORIGINAL, COPY)
            rows.append({"head": head, "player": name, "share": float(shares[name]), "with_copy": float(pairs[pair])})
    return pd.DataFrame(rows)


def xor(part: Study, seed: int) -> pd.DataFrame:
    """Macro mAP of the xor labels on test chunks, each encoder alone and both, with each head [head, subset, value, low, high, chance].

    Half of the labels hold for every clip, so chance is a little over 0.5. It is a row of its own too: `chance`. Intervals draw
    groups of test clips anew.
    """
    embeddings = {name: read_embeddings(part, name, seed) for name in PLAYERS}
    targets = xor_targets(part.chunks.targets, part.chunks.corpus.classes)
    test, scoring, rows = part.chunks.rows("test"), part.settings.scoring, []
    drawn = part.chunks.groups[test], scoring.resamples, resampling_seed(part)
    of = Sampling(scoring.resamples, freedom(drawn[0]), scoring.level)
    for head in part.settings.heads.kinds:
        models = {CHANCE: chance.Chance(targets[test], *drawn)}
        models |= {
            label(subset): Bootstrap(targets[test], scores, *drawn)
            for subset, scores in _scored(part, embeddings, targets, head, seed)
        }
        for subset, model in models.items():
            value, resamples = model.of(SHARED)
            cells = of.cells(np.append(resamples, value.value), ends=(0, 1))
            rows.append({"head": head, "subset": subset, **cells, "chance": models[CHANCE].of(SHARED)[0].value})
    return pd.DataFrame(rows)


def xor_targets(targets: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Labels [chunk, label] 0 or 1 from targets [chunk, class] of the embedded corpus.

    The pitch classes are parted into two halves, and the timbres; a label holds where exactly one of a chunk's two lies
    in the first half, and another where it does not. All ways to part them are taken, so that nothing hangs on one.
    """
    pitch, timbre = (_in_first_half(targets, classes, family) for family in ("pitch_", "timbre_"))
    differ = (pitch[:, :, None] ^ timbre[:, None, :]).reshape(len(targets), -1)
    return np.concatenate([differ, ~differ], axis=1).astype(np.uint8)


def _in_first_half(targets: np.ndarray, classes: Sequence[str], family: str) -> np.ndarray:
    """Whether the class of each chunk lies in the half with the family's first class, for each way to part it."""
    columns = [column for column, name in enumerate(classes) if name.startswith(family)]
    if len(columns) < 2:
        raise ValueError(f"there are no {family}* classes: the exclusive-or is made of the embedded corpus alone")
    first, *others = columns
    halves = [(first, *more) for more in combinations(others, len(columns) // 2 - 1)]
    return np.stack([targets[:, list(half)].any(1) for half in halves], axis=1)


def _game(
    part: Study, embeddings: Mapping[str, np.ndarray], targets: np.ndarray, head: Head, seed: int
) -> dict[Subset, float]:
    """Macro mAP of every coalition on test chunks; of nobody what a ranking by chance is expected to have."""
    truth = targets[part.chunks.rows("test")]
    nobody = chance.evaluate(truth, names=[SHARED])[SHARED].value
    scored = _scored(part, embeddings, targets, head, seed)
    return {(): nobody} | {subset: macro_map(truth, scores) for subset, scores in scored}


def _scored(
    part: Study, embeddings: Mapping[str, np.ndarray], targets: np.ndarray, head: Head, seed: int
) -> Iterator[tuple[Subset, np.ndarray]]:
    """Every coalition and the scores [chunk, label] of a fresh head on it, of test chunks."""
    chunks, plan = part.chunks, HeadPlan.of(part.settings, head)
    data, device = HeadData(embeddings, targets, chunks.groups), device_of(part.request.device)
    return score_subsets(data, part.train_rows, chunks.rows("test"), plan, seed, device)
