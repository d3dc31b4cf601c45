"""Controls: games that could refute that different representations each add something.

A control plays the same game as the study with one thing changed: its players, their labels, what they are made of or
what their heads learn from. It trains what is missing, writes test scores [chunk, class] where its `Game` looks for
them, and asked again reads back what is there:

    checkpoints/controls/<control>/<player>-seed<n>/     its own encoders and embeddings
    scores/controls/<control>/<subset>-<head>-seed<n>.npy

What was made from other clips, labels, settings or another seed is never read: each file stands beside the key of what
it was made from. The study's own encoders and scores are read and never changed.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from lib import files, training
from lib.arrays import Rows, blocks
from lib.chunks import Chunks
from lib.encoders import (
    Encoder,
    Stage,
    answers,
    features_of,
    in_blocks,
    key_of,
    read_back,
    stored_embeddings,
    train_encoder,
)
from lib.errors import PlainError
from lib.games import Game, control_scores, paper4
from lib.representations import kind
from lib.representations.base import Representation
from lib.settings import Settings
from lib.study import Study, StudyError, missing
from lib.subsets import Subset, label, score_subsets, subsets

N_SEEDS = 4  # as many as the paper has encoders
OWN = "own"  # the head's name where none is trained
TRAIN = "02_train_encoder"  # the notebook that trains the study's encoders

Embeddings = dict[str, np.ndarray]  # player -> [chunk, width]
Work = Callable[[Study, Game, int], None]


class ControlError(PlainError):
    """The control does not exist or cannot run on this corpus; the message is one line."""


@dataclass(frozen=True)
class Control:
    """One control: what it asks, who plays, and the work that leaves its scores."""

    name: str
    title: str  # a few words for figures
    asks: str  # the question that it answers
    players: Callable[[Settings], Subset]
    work: Work
    adds: bool = False  # whether it adds a player to the study's four, instead of playing with its own
    trains_heads: bool = True
    costly: bool = False

    def game(self, study: Study) -> Game:
        """The game: `noise5` is the control `noise` with five players."""
        players = self.players(study.settings)
        own = frozenset(players) - (frozenset(paper4().players) if self.adds else frozenset())
        return Game(f"{self.name}{len(players)}", players, self.name, own)

    def heads(self, study: Study) -> tuple[str, ...]:
        """The heads that the game is played with."""
        return study.settings.heads.kinds if self.trains_heads else (OWN,)

    def run(self, study: Study, seed: int) -> None:
        """Make the scores of one seed, or leave those that the same inputs made; `study` is one part.

        ControlError where this corpus does not allow it, StudyError where the study's own results are missing.
        """
        torch.set_num_threads(study.settings.threads)
        with files.held(checkpoints(study, self.name) / f"seed{seed}", f"control {self.name}, seed {seed}"):
            self.work(study, self.game(study), seed)


def find(name: str) -> Control:
    """The control of this name; ControlError with the names there are if it is unknown."""
    if name not in CONTROLS:
        raise ControlError(f"control {name!r} does not exist; there are {', '.join(CONTROLS)}")
    return CONTROLS[name]


def ready(study: Study, control: Control) -> bool:
    """Whether all scores that the game asks for are there, the study's own included, in every part and seed."""
    game = control.game(study)
    return all(
        game.file(part, subset, head, seed).exists()
        for part in study.parts
        for seed in study.request.seeds
        for head in control.heads(study)
        for subset in ((), *subsets(game.players))
    )


def games(study: Study) -> list[Game]:
    """The games of all controls that are ready, in the order of CONTROLS."""
    return [control.game(study) for control in CONTROLS.values() if ready(study, control)]


def checkpoints(part: Study, control: str) -> Path:
    """Folder of what a control trained."""
    return part.folder / "checkpoints" / "controls" / control


# Scores: written once for the same inputs


def own_subsets(game: Game) -> list[Subset]:
    """The coalitions that have scores of their own, not the study's."""
    return [subset for subset in subsets(game.players) if game.own & set(subset)]


def write_once(
    part: Study, game: Game, head: str, seed: int, key: str, make: Callable[[], Iterable[tuple[Subset, np.ndarray]]]
) -> None:
    """Write the scores [chunk, class] of every subset that `make` gives, unless those of the same key are there."""
    paths = {s: control_scores(part, game.control, label(s), head, seed) for s in own_subsets(game)}
    marker = paths[game.players].with_name(f".{head}-seed{seed}.json")
    there = marker.exists() and all(path.exists() for path in paths.values())
    if there and json.loads(marker.read_text()) == {"key": key}:
        return
    for path in (marker, *paths.values()):  # of other inputs: the two must not stand side by side if this is stopped
        path.unlink(missing_ok=True)
    for subset, scores in make():
        with files.whole(paths[subset]) as temporary:
            np.save(temporary, scores.astype(np.float32))
    files.write_json(marker, {"key": key})


def score_heads(
    part: Study, game: Game, seed: int, embeddings: Embeddings, chunks: Chunks, train: np.ndarray | None = None
) -> None:
    """Train every head on every subset with a player of the game's own, and write its test scores.

    chunks gives the labels; train: the rows to train on, by default those that the encoders are trained on.
    """
    train = training_rows(chunks, part.settings) if train is None else train
    for head in part.settings.heads.kinds:
        _score_head(part, game, head, seed, embeddings, chunks.targets, train)


def _score_head(
    part: Study, game: Game, head: str, seed: int, embeddings: Embeddings, targets: np.ndarray, train: np.ndarray
) -> None:
    settings, schedule = part.settings, part.settings.schedule("head")
    test, only = part.chunks.rows("test"), own_subsets(game)
    content = {name: files.digest(values) for name, values in embeddings.items()}
    learned_from = [files.digest(train), files.digest(targets[train])]
    key = files.key(
        settings.heads, schedule, settings.threads, seed, part.chunks.corpus.hash, content, learned_from, only
    )

    def scores() -> Iterator[tuple[Subset, np.ndarray]]:
        device, what = training.device_of(part.request.device), f"control {game.control}, head {head}, seed {seed}"
        with part.timed(what, len(train) * schedule.epochs * len(only), "chunks"):
            yield from score_subsets(
                embeddings, targets, train, test, head, settings.heads, schedule, seed, device, only=only
            )

    write_once(part, game, head, seed, key, scores)


def training_rows(chunks: Chunks, settings: Settings) -> np.ndarray:
    """The chunks [row] that encoders and heads are trained on."""
    return chunks.rows(*settings.trained_on.split("+"))


# Embeddings: the study's, those of encoders that a control trains, and what is only computed


def of_study(part: Study, seed: int) -> Embeddings:
    """Embeddings of the study's own four encoders; StudyError where one is not trained."""
    return {name: _of_study(part, name, seed) for name in paper4().players}


def _of_study(part: Study, name: str, seed: int) -> np.ndarray:
    found = stored_embeddings(name, part.chunks, part.settings, seed, part.checkpoint(name, seed))
    if found is None:
        raise not_trained(name, seed)
    return found


def not_trained(name: str, seed: int) -> StudyError:
    """The error for an encoder of the study that is not there, or is of other clips or settings."""
    return StudyError(
        f"{name}, seed {seed}: there is no trained encoder of these clips and settings: "
        f"run notebooks/{TRAIN}.ipynb with the same parameters first"
    )


def trained(
    part: Study, control: str, name: str, seed: int, *, chunks: Chunks | None = None, settings: Settings | None = None,
    player: str = "",
) -> np.ndarray:  # fmt: skip
    """Embeddings [chunk, width] of an encoder of the control's own, trained now or before."""
    chunks, settings = chunks or part.chunks, settings or part.settings
    folder = checkpoints(part, control) / f"{player or name}-seed{seed}"
    found = stored_embeddings(name, chunks, settings, seed, folder)
    if found is not None:
        return found
    result = train_encoder(name, chunks, settings, seed, folder, part.request.device)
    note(part, control, result.spent)
    return result.embeddings


def computed(
    part: Study, control: str, player: str, seed: int, key: str, compute: Callable[[], np.ndarray]
) -> np.ndarray:
    """What `compute` gives [chunk, width], kept under the key of what it is made from."""
    folder = checkpoints(part, control) / f"{player}-seed{seed}"
    told, path = folder / "made.json", folder / "embeddings.npy"
    if path.exists() and told.exists() and json.loads(told.read_text()) == {"key": key}:
        return np.load(path)
    told.unlink(missing_ok=True)
    values = compute()
    with files.whole(path) as temporary:
        np.save(temporary, values)
    files.write_json(told, {"key": key})
    return values


def note(part: Study, control: str, spent: list[Stage]) -> None:
    """Note what the work of a control took, for timing.csv."""
    for stage in spent:
        part.note_time(f"control {control}, {stage.what}", stage.seconds, stage.chunks, "chunks")


# The controls, one by one


def four(settings: Settings) -> Subset:
    """Players with the names of the paper's four."""
    return paper4().players


def _noise(part: Study, game: Game, seed: int) -> None:
    embeddings = of_study(part, seed) | {"noise": noise(part.chunks, part.settings.body.width, seed)}
    score_heads(part, game, seed, embeddings, part.chunks)


def noise(chunks: Chunks, width: int, seed: int) -> np.ndarray:
    """Normal noise [chunk, width] float32, drawn from the corpus, its roles and the seed."""
    drawn_from = int(files.key("noise", chunks.corpus.hash, seed), 16)
    return np.random.default_rng(drawn_from).standard_normal((len(chunks), width), dtype=np.float32)


def _untrained(part: Study, game: Game, seed: int) -> None:
    embeddings = {name: untrained(part, name, seed) for name in game.players}
    score_heads(part, game, seed, embeddings, part.chunks)


def untrained(part: Study, name: str, seed: int) -> np.ndarray:
    """Embeddings [chunk, width] of an encoder as the study's training starts from it, a MobileNet included.

    Only mean and spread of its features are taken from training chunks.
    """
    chunks, settings, spent = part.chunks, part.settings, []
    device = training.device_of(part.request.device)

    def compute() -> np.ndarray:
        torch.manual_seed(seed)
        encoder = Encoder(name, len(chunks.corpus.classes), settings).eval()
        features = features_of(encoder, name, chunks, device, spent)
        encoder.representation.standardise(Rows(features, training_rows(chunks, settings)))
        return answers(encoder.to(device), features, device)[0]

    embeddings = computed(part, "untrained", name, seed, key_of(name, chunks, settings, seed), compute)
    note(part, "untrained", spent)
    return embeddings


def _shuffled(part: Study, game: Game, seed: int) -> None:
    chunks = shuffled(part.chunks, seed)
    embeddings = {name: trained(part, "shuffled", name, seed, chunks=chunks) for name in game.players}
    score_heads(part, game, seed, embeddings, chunks)


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


def four_seeds(settings: Settings) -> Subset:
    """Four players that differ in nothing but their seed."""
    kind(settings.seeds_of)  # an unknown representation is told here
    return tuple(f"{settings.seeds_of}{number}" for number in range(1, N_SEEDS + 1))


def _seeds(part: Study, game: Game, seed: int) -> None:
    each = (one_of_seeds(part, part.settings.seeds_of, seed + number) for number in range(N_SEEDS))
    score_heads(part, game, seed, dict(zip(game.players, each, strict=True)), part.chunks)


def one_of_seeds(part: Study, name: str, seed: int) -> np.ndarray:
    """Embeddings [chunk, width] of one encoder: the study's where it has trained this seed, else the control's."""
    found = stored_embeddings(name, part.chunks, part.settings, seed, part.checkpoint(name, seed))
    return trained(part, "seeds", name, seed) if found is None else found


def wide_waveform(settings: Settings) -> Subset:
    """One player, named after its width."""
    return (f"waveform{wider(settings).body.width}",)


def wider(settings: Settings) -> Settings:
    """The same settings with an embedding as wide as four: 256 where one has 64."""
    body = settings.body.model_copy(update={"width": 4 * settings.body.width})
    return settings.model_copy(update={"body": body})


def _wide(part: Study, game: Game, seed: int) -> None:
    (player,) = game.players
    embeddings = trained(part, "wide", "waveform", seed, settings=wider(part.settings), player=player)
    score_heads(part, game, seed, {player: embeddings}, part.chunks)


def _logmel(part: Study, game: Game, seed: int) -> None:
    embeddings = of_study(part, seed) | {"logmel": trained(part, "logmel", "logmel", seed)}
    score_heads(part, game, seed, embeddings, part.chunks)


def _mobilenet(part: Study, game: Game, seed: int) -> None:
    key = files.key(key_of("neuralogram", part.chunks, part.settings, seed), part.chunks.key)
    write_once(part, game, OWN, seed, key, lambda: [(game.players, mobilenet_scores(part, seed))])


def mobilenet_scores(part: Study, seed: int) -> np.ndarray:
    """Test scores [chunk, class] of the neuralogram's MobileNet itself: the mean over the pieces of each chunk."""
    from lib.representations.neuralogram import PieceClassifier

    chunks, settings = part.chunks, part.settings
    folder, device = part.checkpoint("neuralogram", seed), training.device_of(part.request.device)
    representation = load_study_encoder(part, "neuralogram", seed).representation
    if not (folder / "mobilenet.safetensors").exists():
        raise ControlError(
            f"mobilenet: {folder.name} was trained before MobileNets were kept with their output layer: "
            f"remove {folder.relative_to(files.home())} and run notebooks/{TRAIN}.ipynb again"
        )
    network = PieceClassifier(representation.network, len(chunks.corpus.classes))
    network.load_state_dict(load_file(folder / "mobilenet.safetensors"))
    network.to(device).eval()
    schedule, n = settings.schedule("mobilenet"), representation.n_pieces

    def mean_of_pieces(x: Tensor) -> Tensor:
        scores = training.activate(network(x.reshape(len(x) * n, -1)), schedule)  # [c piece, class]
        return scores.unflatten(0, (-1, n)).mean(1)

    test = Rows(chunks.audio, chunks.rows("test"))
    return np.concatenate([values for _, (values,) in in_blocks(mean_of_pieces, test, device)])


def _mean(part: Study, game: Game, seed: int) -> None:
    own = {name: own_scores(part, name, seed) for name in game.players}
    key = files.key({name: files.digest(scores) for name, scores in own.items()})
    means = ((subset, np.mean([own[name] for name in subset], axis=0)) for subset in own_subsets(game))
    write_once(part, game, OWN, seed, key, lambda: means)


def own_scores(part: Study, name: str, seed: int) -> np.ndarray:
    """Test scores [chunk, class] of an encoder's own classifier; StudyError where they are missing."""
    path = part.scores(name, OWN, seed)
    if not path.exists():
        raise missing(path, TRAIN)
    return np.load(path).astype(np.float32)


def _raw(part: Study, game: Game, seed: int) -> None:
    embeddings = {name: raw(part, name, seed) for name in game.players}
    score_heads(part, game, seed, embeddings, part.chunks)


def raw(part: Study, name: str, seed: int) -> np.ndarray:
    """The representation itself [chunk, dimension], averaged over time; what it has to learn is the study's."""
    chunks, settings, spent = part.chunks, part.settings, []

    def compute() -> np.ndarray:
        n_classes = len(chunks.corpus.classes)
        encoder = load_study_encoder(part, name, seed) if kind(name).learns else Encoder(name, n_classes, settings)
        features = features_of(encoder, name, chunks, training.device_of(part.request.device), spent)
        return over_time(encoder.representation, features)

    averages = computed(part, "raw", name, seed, key_of(name, chunks, settings, seed), compute)
    note(part, "raw", spent)
    return averages


def over_time(representation: Representation, features: np.ndarray) -> np.ndarray:
    """Means [chunk, d] over the frames of features [chunk, d, t], or over the patches of a waveform [chunk, sample]."""
    means = []
    for part in blocks(len(features), 512):
        values = np.asarray(features[part], np.float32)
        if values.ndim == 2:
            patches = values[:, : representation.n_patches * representation.patch]
            values = patches.reshape(len(values), representation.n_patches, -1).swapaxes(1, 2)
        means.append(values.mean(2))
    return np.concatenate(means)


def load_study_encoder(part: Study, name: str, seed: int) -> Encoder:
    """A trained encoder of the study, on the processor; StudyError where it is not trained."""
    encoder = Encoder(name, len(part.chunks.corpus.classes), part.settings)
    key = key_of(name, part.chunks, part.settings, seed)
    if read_back(encoder, part.checkpoint(name, seed), key) is None:
        raise not_trained(name, seed)
    return encoder.eval()


def _held_out(part: Study, game: Game, seed: int) -> None:
    rows = held_out_rows(part)
    score_heads(part, game, seed, of_study(part, seed), part.chunks, rows)


def held_out_rows(part: Study) -> np.ndarray:
    """Validation chunks [row] that no encoder was trained on; ControlError with the reason where there are none."""
    chunks = part.chunks
    if "validation" in part.settings.trained_on:
        raise ControlError("held_out: the encoders are trained on the validation clips too; set trained_on=train")
    rows = chunks.rows("validation")
    if part.settings.chunking.silent != "keep":  # what is dropped where encoders train is dropped where heads do
        rows = rows[~chunks.silent[rows]]
    if not len(rows):
        more = "set validation=next" if chunks.corpus.folds else "give some clips the role validation"
        raise ControlError(f"held_out: {chunks.corpus.name} has no validation clips here; {more}")
    return rows


CONTROLS: dict[str, Control] = {
    control.name: control
    for control in (
        Control(
            "noise", "Noise as a fifth", "Does a player that knows nothing get a share?",
            lambda settings: (*four(settings), "noise"), _noise, adds=True,
        ),
        Control(
            "untrained", "Untrained encoders", "How much of it do the front ends and the heads do, without any training?",
            four, _untrained,
        ),
        Control(
            "shuffled", "Shuffled labels", "Is anything found where the labels tell nothing about the sound?",
            four, _shuffled, costly=True,
        ),
        Control(
            "seeds", "Four seeds of one", "Is it diversity, or would four models of one representation do as well?",
            four_seeds, _seeds, costly=True,
        ),
        Control(
            "wide", "One wide waveform", "Would one encoder with an embedding as wide as all four do as well?",
            wide_waveform, _wide, costly=True,
        ),
        Control(
            "logmel", "Log-mel as a fifth", "Is it pitch and timbre, or would any decent spectrogram do?",
            lambda settings: (*four(settings), "logmel"), _logmel, adds=True,
        ),
        Control(
            "mobilenet", "MobileNet alone", "What does the Transformer add to the MobileNet that it reads?",
            lambda settings: ("mobilenet",), _mobilenet, trains_heads=False,
        ),
        Control(
            "mean", "Mean of own scores", "Does a head on the embeddings do more than averaging the encoders' answers?",
            four, _mean, trains_heads=False,
        ),
        Control(
            "raw", "Raw, averaged over time", "What do the encoders add to the representations themselves?", four, _raw,
        ),
        Control(
            "held_out", "Heads on held-out clips",
            "Do the shares stay where the heads learn from clips that the encoders have not seen?", four, _held_out,
        ),
    )
}  # fmt: skip
