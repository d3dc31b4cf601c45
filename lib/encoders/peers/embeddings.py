"""The embeddings of a frozen peer over a corpus: computed once, from the clips at the peer's own rate, and kept.

They lie under data/cache/peers, beside the key of what they were made from: the weights, the files, where the chunks
start, and versions. A run that is stopped goes on from its last SHARD clips. Folds and seeds share them.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lib import files
from lib.display.screen import watched
from lib.encoders.peers.base import Peer
from lib.encoders.speed import flops_counted
from lib.encoders.step import in_halves
from lib.encoders.transformer import n_parameters
from lib.files import digests
from lib.settings import Chunking
from lib.sounds.chunks import Chunks, cut_clip
from lib.sounds.decode import decode

VERSION = 1  # of the rules below: raised when the same weights and files would give other embeddings
SHARD = 64  # clips between two files on the way
LONGEST_S = 30.0  # of a window, where a peer takes any length
TOGETHER_S = 64.0  # of sound that goes through a peer at once


@dataclass(frozen=True)
class Cost:
    """What a peer costs: parameters, multiply-accumulates of products and convolutions for a second of sound on its own
    windows, and seconds for an hour of sound there, by `threads` on `device`."""

    parameters: int
    macs_a_second: float
    seconds_an_hour: float
    device: str
    threads: int


@torch.inference_mode()
def measured_cost(
    use: Callable[[], object], networks: Sequence[nn.Module], heard_s: float, device: torch.device
) -> Cost:
    """What a call of these networks costs that hears so many seconds: timed once, and its arithmetic counted once."""
    start = time.perf_counter()
    use()
    took = time.perf_counter() - start
    with flops_counted() as counter:
        use()
    parameters, macs = sum(map(n_parameters, networks)), counter.get_total_flops() / 2
    return Cost(parameters, macs / heard_s, 3600 * took / heard_s, device.type, torch.get_num_threads())


@dataclass(frozen=True, eq=False)
class Embedded:
    """Embeddings of a corpus: of its chunks [chunk, size], and of its clips [clip, size] by the peer's own windows."""

    chunks: np.ndarray
    clips: np.ndarray
    cost: Cost


def embedded(name: str, peer: Peer, chunks: Chunks, device: torch.device) -> Embedded:
    """The embeddings of all clips by a frozen peer, computed now or before. BadFile where a clip no longer reads."""
    folder = files.cache() / "peers" / f"{name}-{key_of(peer, chunks)}"
    with files.locked(folder, f"embeddings of {name}", wait=True):
        found = digests.or_again(lambda: _read(folder))
        if found is None:
            shards = list(_shards(peer.to(device).eval(), chunks, folder, name))
            _write(folder, shards, peer, device)
            found = _read(folder)
    return found


def key_of(peer: Peer, chunks: Chunks) -> str:
    """Changes with whatever the embeddings depend on."""
    weights = [files.digest(value.detach().cpu().numpy()) for value in peer.state_dict().values()]
    given = [peer.rate_hz, peer.size, peer.window_s, peer.own_window, peer.version, type(peer).__name__]
    cut = [files.digest(x) for x in (chunks.clip, chunks.start_s)]
    chunking = chunks.settings.model_dump(include={"length_s", "resampler", "fill"})
    versions = [version(library) for library in ("torch", "soxr", "soundfile")]
    return files.key(VERSION, given, weights, files.content_of(chunks.corpus.clips["path"]), cut, chunking, versions)


def pieces(samples: np.ndarray, starts_s: np.ndarray, peer: Peer, chunking: Chunking) -> np.ndarray:
    """The study's chunks [chunk, sample] of a clip [sample] at the peer's rate: where they start, as long as they are.

    What is too short is filled up as the study does it; for a peer with its own window a chunk is repeated to that length.
    """
    length = round(chunking.length_s * peer.rate_hz)
    found = []
    for start in np.rint(starts_s * peer.rate_hz).astype(int):
        piece = samples[min(start, len(samples) - 1) :][:length]
        filled = np.resize(piece, length) if chunking.fill == "repeat" else np.pad(piece, (0, length - len(piece)))
        found.append(np.resize(filled, round(peer.window_s * peer.rate_hz)) if peer.own_window else filled)
    return np.stack(found)


def windows(samples: np.ndarray, peer: Peer, chunking: Chunking) -> np.ndarray:
    """The peer's own windows [window, sample] of a clip [sample] at its rate.

    One of the whole clip where it takes any length (of 30 s where it is longer), else one after the other of window_s; a
    rest of less than half is dropped, a longer one and a shorter clip are filled up by repeating them.
    """
    length_s = peer.window_s or min(LONGEST_S, max(chunking.length_s, len(samples) / peer.rate_hz))
    rule = Chunking(rate_hz=peer.rate_hz, length_s=length_s, min_remainder_s=length_s / 2, fill="repeat")
    return cut_clip(samples, rule)[0]


@torch.inference_mode()
def embed_all(peer: Peer, items: np.ndarray) -> np.ndarray:
    """Embeddings [item, size] float32 of sound [item, sample], as many at a time as TOGETHER_S takes."""
    device = next((x.device for x in peer.parameters()), torch.device("cpu"))
    size = max(1, int(TOGETHER_S * peer.rate_hz / items.shape[1]))
    parts = [torch.from_numpy(np.ascontiguousarray(items[i : i + size])).to(device) for i in range(0, len(items), size)]
    return np.concatenate([in_halves(peer.embed, part).float().cpu().numpy() for part in parts])


def by_length(items: list[np.ndarray], peer: Peer) -> list[np.ndarray]:
    """Embeddings of several [item, sample] of different lengths, those of one length together: nothing is padded."""
    found: list[np.ndarray] = [np.empty(0)] * len(items)
    for length in sorted({each.shape[1] for each in items}):
        these = [place for place, each in enumerate(items) if each.shape[1] == length]
        values = embed_all(peer, np.concatenate([items[place] for place in these]))
        ends = np.cumsum([len(items[place]) for place in these])
        for place, part in zip(these, np.split(values, ends[:-1]), strict=True):
            found[place] = part
    return found


def _shards(peer: Peer, chunks: Chunks, folder: Path, name: str) -> Iterator[dict[str, np.ndarray]]:
    """Shard by shard chunks [chunk, size], clips [clip, size] and seconds [2] (of the windows: taken, of sound)."""
    paths = list(chunks.corpus.clips["path"])
    for number, start in enumerate(range(0, len(paths), SHARD)):
        path = folder / f"part-{number:05d}.npz"
        found = digests.reread(path, digests.load_arrays)
        if found is None:
            found = _shard(peer, chunks, paths, range(start, min(start + SHARD, len(paths))))
            with digests.sealed(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **found)
            if not watched():
                print(f"embeddings of {name}: {min(start + SHARD, len(paths))}/{len(paths)} clips", flush=True)
        yield found


def _shard(peer: Peer, chunks: Chunks, paths: list[str], clips: Iterable[int]) -> dict[str, np.ndarray]:
    settings, cut, own = chunks.settings, [], []
    for clip in clips:
        samples = decode(Path(paths[clip]), peer.rate_hz, settings.resampler)
        cut.append(pieces(samples, chunks.start_s[chunks.clip == clip], peer, settings))
        if not peer.chunks_only:
            own.append(windows(samples, peer, settings))
    start = time.perf_counter()
    of_clips = np.array([each.mean(0) for each in by_length(own, peer)])
    seconds = [time.perf_counter() - start, sum(each.size for each in own) / peer.rate_hz]
    return {"chunks": np.concatenate(by_length(cut, peer)), "clips": of_clips, "seconds": np.array(seconds)}


def _write(folder: Path, shards: list[dict[str, np.ndarray]], peer: Peer, device: torch.device) -> None:
    for what in ("chunks", "clips"):
        digests.write_array(folder / f"{what}.npy", np.concatenate([shard[what] for shard in shards]))
    took, heard = np.sum([shard["seconds"] for shard in shards], axis=0)
    cost = Cost(
        n_parameters(peer),
        macs_a_second(peer),
        3600 * took / heard if heard else 0.0,
        device.type,
        torch.get_num_threads(),
    )
    digests.write_json(folder / "about.json", asdict(cost))
    for path in folder.glob("part-*.npz"):
        digests.remove(path)


def _read(folder: Path) -> Embedded | None:
    if not (folder / "about.json").exists():
        return None
    arrays = (digests.read(folder / f"{what}.npy", partial(np.load, mmap_mode="r")) for what in ("chunks", "clips"))
    return Embedded(*arrays, Cost(**digests.read(folder / "about.json", digests.load_json)))


@torch.no_grad()  # in inference mode torch counts no layer whose weights are parametrised
def macs_a_second(peer: Peer, length_s: float = 0.0) -> float:
    """Multiply-accumulates for a second of sound, of products and convolutions (a Fourier transform counts for none)."""
    length_s = length_s or peer.window_s or 1.0
    device = next((x.device for x in peer.parameters()), torch.device("cpu"))
    silence: Tensor = torch.zeros(1, round(length_s * peer.rate_hz), device=device)
    with flops_counted() as counter:
        peer.embed(silence)
    return counter.get_total_flops() / 2 / length_s
