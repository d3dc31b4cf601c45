"""Maps: what is near stays near, and the same chunks are laid out once."""

import numpy as np

from lib.explorer import embedding_map


def clusters(n=20, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([centre + 0.1 * rng.standard_normal((n, 8)) for centre in 10 * np.eye(8)[:3]])


def test_clusters_stay_together(home):
    places = embedding_map.plane(clusters())
    assert places.shape == (60, 2) and places.min() >= 0 and places.max() <= 1
    far = np.linalg.norm(places[:, None] - places[None], axis=2)
    of = np.repeat(np.arange(3), 20)
    nearest = np.argsort(far + 9 * np.eye(60), axis=1)[:, :5]
    assert (of[nearest] == of[:, None]).mean() > 0.99


def test_the_same_is_laid_out_once(home, monkeypatch):
    first = embedding_map.plane(clusters())
    monkeypatch.setattr(embedding_map, "laid_out", lambda embeddings: 1 / 0)
    np.testing.assert_array_equal(embedding_map.plane(clusters()), first)


def test_a_few_chunks_or_chunks_that_are_all_alike_have_places_too(home):
    for embeddings in (np.zeros((1, 4)), np.zeros((3, 4)), np.zeros((6, 4)), clusters(2)):
        places = embedding_map.plane(embeddings)
        assert places.shape == (len(embeddings), 2) and np.isfinite(places).all()


def test_picked_rows_are_always_the_same_and_never_twice():
    assert list(embedding_map.picked(5, 10)) == [0, 1, 2, 3, 4]
    rows = embedding_map.picked(1000, 100)
    assert len(set(rows)) == 100 and (np.diff(rows) > 0).all() and list(rows) == list(embedding_map.picked(1000, 100))


def test_what_a_map_has_not_seen_lies_at_the_median_of_its_nearest(home):
    embeddings = np.array([[0.0], [1.0], [2.0], [50.0], [51.0]])
    places = np.array([[0.1, 0.2], [0.2, 0.4], [0.9, 0.3], [0.5, 0.5], [0.6, 0.6]], np.float32)
    found = embedding_map.placed(np.array([[0.9], [50.2]]), embeddings, places, 3)
    np.testing.assert_allclose(found[0], [0.2, 0.3])  # of the first three
    np.testing.assert_allclose(found[1], [0.6, 0.5])  # of the last three
    assert embedding_map.placed(np.zeros((0, 1)), embeddings, places, 3).shape == (0, 2)
    assert embedding_map.placed(np.zeros((2, 1)), np.zeros((0, 1)), np.zeros((0, 2)), 3).shape == (0, 2)


def test_clusters_take_in_their_own(home):
    embeddings = clusters()
    places = embedding_map.plane(embeddings)
    found = embedding_map.placed(clusters(5, seed=1), embeddings, places, 5)
    centres = places.reshape(3, 20, 2).mean(1)
    far = np.linalg.norm(found[:, None] - centres[None], axis=2)
    assert list(far.argmin(1)) == list(np.repeat(range(3), 5))
