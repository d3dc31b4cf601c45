"""One sound file in, mono samples at one rate out, or a plain reason why not.

libsndfile reads what it can and passes over what is missing: a WAV, AIFF or OGG file that was cut off reads as a
shorter one. So a file's own structure is compared with its size here, and a file that lacks its end is refused.
"""

import math
import mmap
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from lib.sounds.mp3 import with_length

FAR = 100.0  # times full scale: no recording reaches it, and a network's sums would no longer be numbers
BLOCK = 1 << 18  # samples of all channels read at a time: a long file is never whole in memory before it is mono
RATES_HZ = (500, 1_000_000)  # lowest and highest of any recording: infrasound, bats
UNKNOWN_SIZE = 0x7FFFF000  # a program that writes to a pipe cannot know the size, and writes something from here up
LIVE_S = 10  # a stream that begins later was cut out of a longer one
OGG_FIRST, OGG_LAST = 2, 4  # flags of a stream's first and last page
MOST_PHASES = 2000  # torchaudio keeps a filter for each phase of the two rates: 441 for 44.1 kHz to 16 kHz
# as sharp as soxr: librosa's and resampy's former "kaiser_best", by the names of torchaudio.functional.resample
KAISER_BEST = {
    "lowpass_filter_width": 64, "rolloff": 0.9475937167399596, "resampling_method": "sinc_interp_kaiser",
    "beta": 14.769656459379492,
}  # fmt: skip
WALK = {b"RIFF": ("<", b"data"), b"RF64": ("<", b"data"), b"RIFX": (">", b"data"), b"FORM": (">", b"SSND")}

NO_NUMBERS = "NaN or infinite samples, which no sound has: make it anew from what it was computed from"
CONVERT = "convert it, for instance by ffmpeg -i a.m4a a.wav"
KNOWN = {  # (offset, bytes) -> what begins so and is none of the formats that can be read
    (4, b"ftyp"): f"this is MPEG-4 (M4A, MP4, MOV): {CONVERT}", (0, b"\x1aE\xdf\xa3"): f"this is WebM or Matroska: {CONVERT}",
    (0, b"0&\xb2u"): f"this is Windows Media: {CONVERT}", (0, b"#!AMR"): f"this is AMR: {CONVERT}", (8, b"AVI "): f"this is AVI: {CONVERT}",
    (0, b"version https://git-lfs"): "this is a pointer of Git LFS: git lfs pull fetches the sound",
    (0, b"PK\3\4"): "this is an archive: unpack it", (0, b"\x1f\x8b"): "this is an archive: unpack it",
    (0, b"<"): "this is a page of the web: download the sound itself", (0, b"\0\5\x16\7"): "this is a side file of macOS, not the sound",
}  # fmt: skip


class BadFile(Exception):
    """A sound file that cannot be used; the message says why in plain words."""


class _Forwards(soundfile.SoundFile):
    """A file that is read from its start to its end.

    soundfile seeks to where it is after each block, and an MP3 decoder that seeks loses what the next frames build on:
    some 50 ms of noise at each border of blocks.
    """

    def seekable(self) -> bool:
        """No: see above."""
        return False


def decode(path: Path, rate_hz: int = 16000, resampler: str = "soxr_hq", longest_s: float = math.inf) -> np.ndarray:
    """The samples of a sound file, mono (mean of channels) at rate_hz -> [sample] float32; BadFile if unusable.

    Any format, rate, depth and number of channels that libsndfile reads. n frames become round(n * rate_hz / rate).
    What comes after `longest_s` is not read.
    """
    return decode_channels(path, rate_hz, resampler, longest_s)[0]


def decode_channels(
    path: Path, rate_hz: int, resampler: str, longest_s: float = math.inf
) -> tuple[np.ndarray, np.ndarray]:
    """The same samples, and the peak of each channel and, last, of their mean [channel + 1] at the file's own rate."""
    peaks: list[np.ndarray] = []
    samples = np.concatenate(list(stream(path, rate_hz, resampler, longest_s, peaks)))
    return samples, peaks[0]


def stream(
    path: Path, rate_hz: int, resampler: str, longest_s: float = math.inf, peaks: list[np.ndarray] | None = None
) -> Iterator[np.ndarray]:
    """The same samples in pieces [sample], as they are read: of an hour only some seconds are ever in memory.

    BadFile comes with the piece where reading fails, or after the last. torchaudio is given the sound whole.
    peaks: takes up the peak of each channel and, last, of their mean [channel + 1] at the end.
    """
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadFile("not a file")
        if status.st_size == 0:
            raise BadFile("empty file")
        with _opened(path) as file:
            yield from _resampled(path, file, Resampler(file.samplerate, rate_hz, resampler), longest_s, peaks)
    except FileNotFoundError:
        raise BadFile("file not found") from None
    except (soundfile.LibsndfileError, TypeError) as error:
        raise BadFile(
            f"not a sound file that can be read (WAV, FLAC, OGG, MP3, AIFF can): {_known(path) or _line(error)}"
        ) from None
    except (OSError, RuntimeError, ValueError) as error:
        raise BadFile(f"cannot be decoded: {_line(error)}") from None


class Resampler:
    """Samples at one rate in, piece by piece, samples at another out: by soxr, or by torchaudio's long Kaiser window.

    What comes out together is bit for bit what the whole sound gives at once.
    """

    def __init__(self, rate: int, rate_hz: int, resampler: str) -> None:
        if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
            raise BadFile(f"a sampling rate of {rate} Hz: its header is damaged, or it is no sound")
        self.rate, self.rate_hz, self.n_in, self.n_out = rate, rate_hz, 0, 0
        self.whole: list[np.ndarray] | None = [] if resampler == "torchaudio" and rate != rate_hz else None
        quality = resampler.removeprefix("soxr_").upper()
        streamed = self.whole is None and rate != rate_hz
        self.soxr = soxr.ResampleStream(rate, rate_hz, 1, quality=quality) if streamed else None

    def piece(self, mono: np.ndarray) -> np.ndarray:
        """What is ready [sample] once these samples [sample] have come."""
        self.n_in += len(mono)
        if self.whole is not None:
            self.whole.append(mono)
            return mono[:0]
        return self._counted(self.soxr.resample_chunk(mono) if self.soxr else mono)

    def rest(self) -> np.ndarray:
        """The end [sample], so that n samples have become round(n * rate_hz / rate), at least one."""
        wanted, last = max(1, round(self.n_in * self.rate_hz / self.rate)), np.zeros(0, np.float32)
        if self.whole:
            last = by_torchaudio(np.concatenate(self.whole), self.rate, self.rate_hz)
        elif self.soxr:
            last = self.soxr.resample_chunk(last, last=True)
        missing = wanted - self.n_out
        return self._counted(np.pad(last[:missing], (0, max(0, missing - len(last)))))

    def _counted(self, samples: np.ndarray) -> np.ndarray:
        if not np.isfinite(samples).all():
            raise BadFile(NO_NUMBERS)
        self.n_out += len(samples)
        return samples


def _resampled(
    path: Path, file: soundfile.SoundFile, resampler: Resampler, longest_s: float, peaks: list[np.ndarray] | None
) -> Iterator[np.ndarray]:
    most, highest = longest_s * file.samplerate, np.zeros(file.channels + 1, np.float32)
    for block in _blocks(file, most, highest):
        yield resampler.piece(block[: max(0, round(min(len(block), most - resampler.n_in)))])
    n_frames = resampler.n_in
    if n_frames < min(file.frames, most) - 0.5 and file.frames < 1 << 60:  # a stream's header does not have the number
        raise BadFile(f"truncated: {n_frames} of {file.frames} frames could be read")
    _refuse_truncated(path)
    if not n_frames:
        raise BadFile("no samples")
    if n_frames / file.samplerate < min(declared_s := _ogg_seconds(path), longest_s) - 0.1:
        raise BadFile(f"damaged: {n_frames / file.samplerate:.1f} of {declared_s:.1f} s could be read")
    yield resampler.rest()
    if peaks is not None:
        peaks.append(highest)


def by_torchaudio(mono: np.ndarray, rate: int, rate_hz: int) -> np.ndarray:
    """Samples [sample] from rate to rate_hz by torchaudio's long Kaiser window, on a GPU if there is one."""
    import torch
    from torchaudio.functional import resample as sinc

    if max(rate, rate_hz) // math.gcd(rate, rate_hz) > MOST_PHASES:
        raise BadFile(f"{rate} Hz has no short ratio to {rate_hz} Hz for torchaudio: take chunking.resampler=soxr_hq")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return sinc(torch.from_numpy(mono).to(device), rate, rate_hz, **KAISER_BEST).cpu().numpy()


def _line(error: Exception) -> str:
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error) or "no reason given"
    if "does not exist or is not a regular file" in text:  # libsndfile's words for what it does not know
        text = "its content has no format that is known"
    if "samplerate must be specified" in text:  # soundfile's words for .raw
        text = "samples without a header that tells their rate: save them as WAV"
    return " ".join(text.split()).rstrip(".")


def _known(path: Path) -> str:
    """What a file is by its first bytes, and what to do; empty where that is not known."""
    head = b""
    with suppress(OSError), open(path, "rb") as file:
        head = file.read(64)
    return next((what for (at, mark), what in KNOWN.items() if head[at:].startswith(mark)), "")


def _opened(path: Path) -> _Forwards:
    file = _Forwards(os.fsencode(path))  # a name need not be UTF-8
    if file.subtype == "MPEG_LAYER_I":  # nobody has made such for decades; text in UTF-16 begins as it does
        raise soundfile.LibsndfileError(1)
    if file.format != "MP3" or (tagged := with_length(path)) is None:
        return file
    file.close()
    return _Forwards(tagged)


def _blocks(file: soundfile.SoundFile, most: float, peaks: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks [sample] float32 up to the end or past `most` frames, or to where decoding fails (FLAC cut off).

    peaks [channel + 1] is kept at the highest sample of each channel and, last, of their mean so far.
    """
    n_frames = 0
    while n_frames < most:
        try:
            block = file.read(max(1, BLOCK // file.channels), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise BadFile(f"truncated or damaged: decoding fails after {n_frames} frames ({_line(error)})") from None
        if not len(block):
            return
        if not np.isfinite(block).all():
            raise BadFile(NO_NUMBERS)
        mean = block.mean(axis=1, dtype=np.float64).astype(np.float32)
        np.maximum(peaks, [*np.abs(block).max(axis=0), np.abs(mean).max()], out=peaks)
        if (peak := peaks.max()) > FAR:
            raise BadFile(f"samples far beyond full scale: {peak:.3g} where 1 is full scale; scale them to -1 to 1")
        n_frames += len(block)
        yield mean


def _refuse_truncated(path: Path) -> None:
    """BadFile if the file is shorter than its own structure says, which libsndfile passes over for WAV, AIFF, OGG; or if
    much more follows that is no part of it: a program that was stopped had not written the length."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        magic = file.read(4)
        declared = ENDS[magic](file, magic) if magic in ENDS else 0
        if declared > size:
            raise BadFile(f"truncated: the header tells of {declared} bytes, the file has {size}")
        file.seek(declared + declared % 2)
        if 0 < declared < 0.9 * size and not re.fullmatch(rb"[\w ]{4}|", file.read(4)):
            raise BadFile(
                f"damaged: the header tells of {declared} bytes, the file has {size}: repair its header, or save it anew"
            )
        if magic == b"OggS" and not _ends_with_last_page(file, size):
            raise BadFile("truncated: the last page of the Ogg stream is missing")
        if magic == b"OggS" and _goes_on_with_another(file):
            raise BadFile(
                f"several Ogg streams one after another, of which the first alone can be read: {CONVERT.replace('m4a', 'ogg')}"
            )


def _declared_end(file: BinaryIO, magic: bytes) -> int:
    """Where the samples end by the sizes of a RIFF or AIFF file's parts; 0 if they do not say."""
    order, wanted = WALK[magic]
    file.seek(12)
    long_size = 0
    while len(head := file.read(8)) == 8:
        name, size = head[:4], struct.unpack(order + "I", head[4:])[0]
        if name == wanted:
            size = long_size or size
            return 0 if size >= UNKNOWN_SIZE and not long_size else file.tell() + size
        if name == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
            size -= 16
        file.seek(size + size % 2, os.SEEK_CUR)
    return 0


def _end_of_w64(file: BinaryIO, _: bytes) -> int:
    """Where the samples of a Wave64 file end by the sizes of its parts; 0 if they do not say."""
    file.seek(40)
    while len(head := file.read(24)) == 24:
        start, size = file.tell() - 24, int.from_bytes(head[16:], "little")
        if head[:4] == b"data":
            return start + size if size < 1 << 62 else 0
        file.seek(start + max(24, size + -size % 8))
    return 0


def _end_of_au(file: BinaryIO, magic: bytes) -> int:
    """Where the samples of a Sun or NeXT file end by its header; 0 if it does not say."""
    file.seek(4)
    start, size = struct.unpack((">" if magic == b".snd" else "<") + "II", file.read(8).ljust(8, b"\xff"))
    return 0 if size >= UNKNOWN_SIZE else start + size


def _end_of_nist(file: BinaryIO, _: bytes) -> int:
    """Where the samples of a NIST Sphere file end by its header; 0 if it does not say."""
    file.seek(0)
    head = file.read(1024)
    counts = [
        re.search(rb"\n%s -i (\d+)" % name, head) for name in (b"sample_count", b"channel_count", b"sample_n_bytes")
    ]
    start = re.match(rb"NIST_1A\n\s*(\d+)", head)
    return int(start[1]) + math.prod(int(count[1]) for count in counts) if start and all(counts) else 0


ENDS = {
    **dict.fromkeys(WALK, _declared_end),
    b"riff": _end_of_w64,
    b".snd": _end_of_au,
    b"dns.": _end_of_au,
    b"NIST": _end_of_nist,
}


def _ogg_seconds(path: Path) -> float:
    """How long the pages of a Vorbis or Opus stream say that it is; 0 where they do not, as of one cut out of another."""
    with open(path, "rb") as file:
        head = file.read(1 << 17)
        file.seek(max(0, path.stat().st_size - (1 << 17)))
        tail = file.read()
    first, last = ([_position(text, at.start()) for at in re.finditer(b"OggS", text)] for text in (head, tail))
    opus, vorbis = head.find(b"OpusHead"), head.find(b"\x01vorbis")
    if head[:4] != b"OggS" or max(opus, vorbis) < 0 or max(last, default=0) <= 0:
        return 0.0
    rate, skipped = (48000, struct.unpack_from("<H", head, opus + 10)[0]) if opus >= 0 else (
        struct.unpack_from("<I", head, vorbis + 12)[0], 0
    )  # fmt: skip
    begins_s = min((place for place in first if place > 0), default=0) / max(rate, 1)
    return (last[-1] - skipped) / rate if begins_s < LIVE_S and rate else 0.0


def _position(text: bytes, page: int) -> int:
    """The sample at which an Ogg page ends; -1 where it does not say."""
    return struct.unpack_from("<q", text, page + 6)[0] if page + 14 <= len(text) else -1


def _ends_with_last_page(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - (1 << 17)))  # a page has at most 65,307 bytes
    tail = file.read()
    start = tail.rfind(b"OggS")
    page = tail[start:]
    if start < 0 or len(page) < 27 or len(page) < 27 + page[26]:
        return False
    return bool(page[5] & OGG_LAST) and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])


def _goes_on_with_another(file: BinaryIO) -> bool:
    """Whether a page that begins a stream comes after one that does not, as in a recording of a web radio."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        begins = [bool(page[1][0] & OGG_FIRST) for page in re.finditer(rb"OggS\0([\0-\7])", content)]
    return any(begins[begins.index(False) :]) if False in begins else False
