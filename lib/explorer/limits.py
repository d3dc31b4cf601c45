"""What a sound of one's own may be: looked at before anything of it is decoded, in the browser and again here."""

from pathlib import Path

LARGEST_BYTES = 100_000_000  # of an uploaded file
LONGEST_S = 30.0  # of a sound: what comes after is not read
MOST_CHANNELS = 64
RATES_HZ = (1_000, 768_000)


def too_large(n_bytes: int) -> str:
    """Why a file of this size is refused; empty where it is not."""
    if n_bytes <= LARGEST_BYTES:
        return ""
    return f"{n_bytes / 1e6:.0f} MB, and {LARGEST_BYTES / 1e6:.0f} MB are the most that is taken: cut the sound, or save it as FLAC"


def looked_at(path: Path) -> str:
    """A remark on a sound file before it is decoded; BadFile where its header goes beyond the limits.

    A file whose header cannot be read gives no remark: decoding it raises the reason.
    """
    import soundfile  # here, as the server reads these limits and no sounds

    from lib.sounds.decode import BadFile

    if reason := too_large(path.stat().st_size):
        raise BadFile(reason)
    try:
        about = soundfile.info(path)
    except (soundfile.LibsndfileError, TypeError):
        return ""
    if about.channels > MOST_CHANNELS:
        raise BadFile(f"{about.channels} channels, and {MOST_CHANNELS} are the most that is taken: mix them down")
    if not RATES_HZ[0] <= about.samplerate <= RATES_HZ[1]:
        raise BadFile(f"a rate of {about.samplerate} Hz lies outside {RATES_HZ[0]} to {RATES_HZ[1]} Hz")
    length = f" of {about.duration:.1f} s" if about.frames < 1 << 60 else ""  # a stream does not know its length
    return f"only its first {LONGEST_S:g} s{length} are used" if about.duration > LONGEST_S else ""
