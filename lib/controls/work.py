"""The work of each control: `play_<control>(part, game, seed)` makes its players and writes its scores."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lib import files
from lib.controls import keeping
from lib.encoders import training
from lib.encoders.encoder import Encoder, in_blocks, key_of, predictions
from lib.encoders.heads import Subset
from lib.evaluation.games import Game, paper4
from lib.files import digests
from lib.representations import kind
from lib.settings import Settings
from lib.sounds.arrays import Rows
from lib.sounds.chunks import Chunks
from lib.study import Study, missing


def four(settings: Settings) -> Subset:
    """Players with the names of the paper's four."""
    return paper4().players


def play_noise(part: Study, game: Game, seed: int) -> None:
    """A fifth player that hears noise."""
    embeddings = keeping.of_study(part, seed) | {"noise": noise(part.chunks, part.settings.body.width, seed)}
    keeping.score_heads(part, game, seed, embeddings)


def noise(chunks: Chunks, width: int, seed: int) -> np.ndarray:
    """Normal noise [chunk, width] float32, drawn from the corpus, its roles and the seed."""
    drawn_from = int(files.key("noise", chunks.corpus.hash, seed), 16)
    return np.random.default_rng(drawn_from).standard_normal((len(chunks), width), dtype=np.float32)


def play_untrained(part: Study, game: Game, seed: int) -> None:
    """The four as chance made them, with trained heads."""
    embeddings = {name: untrained(part, name, seed) for name in game.players}
    keeping.score_heads(part, game, seed, embeddings)


def untrained(part: Study, name: str, seed: int) -> np.ndarray:
    """Embeddings [chunk, width] of an encoder as the study's training starts from it, a MobileNet included.

    Only mean and spread of its features are taken from training chunks.
    """
    chunks, settings = part.chunks, part.settings

    def start() -> Encoder:
        torch.manual_seed(seed)
        return keeping.untrained_encoder(part, name).eval()

    def embed(encoder: Encoder, features: np.ndarray, device: torch.device) -> np.ndarray:
        encoder.representation.standardise(Rows(features, chunks.rows(*settings.train_roles)))
        return predictions(encoder, features, device)[0]

    return keeping.of_encoder(part, "untrained", name, seed, key_of(name, chunks, settings, seed), start, embed)


def play_shuffled(part: Study, game: Game, seed: int) -> None:
    """The four trained on labels that were dealt anew."""
    chunks = shuffled(part.chunks, seed)
    embeddings = {name: keeping.trained(part, "shuffled", name, seed, chunks=chunks) for name in game.players}
    keeping.score_heads(part, game, seed, embeddings, chunks)


def shuffled(chunks: Chunks, seed: int) -> Chunks:
    """The same chunks with the labels of whole clips exchanged within the training and within the validation clips.

    Test clips keep theirs. Keys follow from the labels, so nothing of the study can be taken for the control's.
    """
    clips = chunks.corpus.clips
    labels = clips["labels"].to_numpy().copy()
    for number, role in enumerate(("train", "validation")):
        rows = np.flatnonzero(clips["role"] == role)
        labels[rows] = labels[np.random.default_rng([seed, number]).permutation(rows)]
    return replace(chunks, corpus=replace(chunks.corpus, clips=clips.assign(labels=labels)))


def wider(settings: Settings) -> Settings:
    """The same settings with an embedding as wide as four: 256 where one has 64."""
    body = settings.body.model_copy(update={"width": 4 * settings.body.width})
    return settings.model_copy(update={"body": body})


def play_wide(part: Study, game: Game, seed: int) -> None:
    """One waveform encoder as wide as four."""
    (player,) = game.players
    embeddings = keeping.trained(part, "wide", "waveform", seed, settings=wider(part.settings), player=player)
    keeping.score_heads(part, game, seed, {player: embeddings})


def play_logmel(part: Study, game: Game, seed: int) -> None:
    """A fifth player on log-mel spectra."""
    embeddings = keeping.of_study(part, seed) | {"logmel": keeping.trained(part, "logmel", "logmel", seed)}
    keeping.score_heads(part, game, seed, embeddings)


def play_mobilenet(part: Study, game: Game, seed: int) -> None:
    """The neuralogram's own MobileNet, without an encoder."""
    key = files.key(key_of("neuralogram", part.chunks, part.settings, seed), part.chunks.key)
    keeping.write_once(part, game, keeping.OWN, seed, key, lambda: [(game.players, mobilenet_scores(part, seed))])


def mobilenet_scores(part: Study, seed: int) -> np.ndarray:
    """Test scores [chunk, class] of the neuralogram's MobileNet itself: the mean over the pieces of each chunk."""
    from lib.representations.neuralogram import PieceClassifier

    chunks, settings = part.chunks, part.settings
    folder, device = part.checkpoint("neuralogram", seed), training.device_of(part.request.device)
    representation = keeping.load_study_encoder(part, "neuralogram", seed).representation
    path = folder / "mobilenet.safetensors"
    network = PieceClassifier(representation.network, len(chunks.corpus.classes))
    if not training.load_weights(network, path, key_of("neuralogram", chunks, settings, seed)):
        raise keeping.ControlError(
            f"mobilenet: {folder.name} holds no MobileNet with the output layer that it was trained with: "
            f"remove {folder.relative_to(files.home())} and run notebooks/{keeping.TRAIN}.ipynb again"
        )
    network.to(device).eval()
    schedule, n = settings.schedule("mobilenet"), representation.n_pieces

    def mean_of_pieces(x: Tensor) -> Tensor:
        scores = training.activate(network(x.reshape(len(x) * n, -1)), schedule)  # [c piece, class]
        return scores.unflatten(0, (-1, n)).mean(1)

    test = Rows(chunks.audio, chunks.rows("test"))
    return np.concatenate([values for _, (values,) in in_blocks(mean_of_pieces, test, device)])


def play_mean(part: Study, game: Game, seed: int) -> None:
    """The mean of the encoders' own scores, without a head."""
    own = {name: own_scores(part, name, seed) for name in game.players}
    key = files.key({name: files.digest(scores) for name, scores in own.items()})
    means = ((subset, np.mean([own[name] for name in subset], axis=0)) for subset in keeping.own_subsets(game))
    keeping.write_once(part, game, keeping.OWN, seed, key, lambda: means)


def own_scores(part: Study, name: str, seed: int) -> np.ndarray:
    """Test scores [chunk, class] of an encoder's own classifier; StudyError where they are missing."""
    path = part.scores(name, keeping.OWN, seed)
    if not path.exists():
        raise missing(part, path, keeping.TRAIN, representation=name, seed=seed)
    return digests.read(path, np.load).astype(np.float32)


def without_a_network(settings: Settings) -> Subset:
    """Those of the paper's four whose representation learns nothing before the Transformer."""
    return tuple(name for name in paper4().players if not kind(name).learns)


def play_raw(part: Study, game: Game, seed: int) -> None:
    """What the encoders are given, averaged over time, without encoders."""
    keeping.score_heads(part, game, seed, {name: raw(part, name, seed) for name in game.players})


def raw(part: Study, name: str, seed: int) -> np.ndarray:
    """The representation itself [chunk, dimension], averaged over time: nothing in it is trained."""
    key = key_of(name, part.chunks, part.settings, seed)
    return keeping.of_encoder(
        part, "raw", name, seed, key, lambda: keeping.untrained_encoder(part, name),
        lambda encoder, features, _: keeping.by_blocks(encoder.representation.over_time, features),
    )  # fmt: skip
