"""A map of chunks: embeddings laid out on a plane so that near stays near (scikit-learn's t-SNE), computed once."""

from importlib.metadata import version

import numpy as np

from lib import files
from lib.files import digests

SEED, PERPLEXITY = 0, 30.0


def picked(n_rows: int, most: int) -> np.ndarray:
    """At most `most` of `n_rows` rows [row], ascending, drawn without replacement and always the same."""
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(SEED).choice(n_rows, most, replace=False))


def plane(embeddings: np.ndarray) -> np.ndarray:
    """Places [chunk, 2] in 0..1 of embeddings [chunk, width]; read back where the same were laid out before."""
    key = files.key(files.digest(embeddings), SEED, PERPLEXITY, version("scikit-learn"))
    path = files.cache() / "maps" / f"{key}.npy"
    return digests.array(path, lambda: laid_out(embeddings))


def placed(new: np.ndarray, embeddings: np.ndarray, places: np.ndarray, n_nearest: int) -> np.ndarray:
    """Places [item, 2] of new embeddings [item, width] on a map of embeddings [chunk, width] at places [chunk, 2].

    Each lies at the median of the places of its nearest chunks, where openTSNE too begins to place what a map has not seen.
    """
    if not len(places):
        return np.zeros((0, 2), np.float32)
    far = np.square(new[:, None] - embeddings[None]).sum(2)
    nearest = np.argsort(far, axis=1, kind="stable")[:, :n_nearest]
    return np.median(places[nearest], axis=1).astype(np.float32).reshape(-1, 2)


def laid_out(embeddings: np.ndarray) -> np.ndarray:
    """The same, computed now; fewer than four chunks stand on a diagonal, since there is nothing to lay out."""
    n = len(embeddings)
    if n < 4:
        return np.tile(np.linspace(0, 1, n)[:, None], (1, 2)).astype(np.float32)
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (n - 1) / 3)
    values = embeddings.astype(np.float32)
    init = "pca" if values.std(0).any() else "random"  # chunks that are all alike have no principal axes
    raw = TSNE(perplexity=perplexity, init=init, random_state=SEED).fit_transform(values)
    low, high = raw.min(0), raw.max(0)
    return ((raw - low) / np.maximum(high - low, 1e-9)).astype(np.float32)
