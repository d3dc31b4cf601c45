"""A folder of sounds through a study: every usable sound once, in one file; bad ones listed; what broke off goes on."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib.files import PlainError
from lib.model import folder, open_model
from lib.model.folder import embed_folder, sound_files


@pytest.fixture(scope="module")
def model(finished_study):
    return open_model(finished_study.slug)


@pytest.fixture
def sounds(tmp_path):
    """Six short sounds, one of them below and one of 2.5 s, beside an empty, a corrupt and some other file."""
    root, rng = tmp_path / "sounds", np.random.default_rng(0)
    (root / "below").mkdir(parents=True)
    for number in range(6):
        n_samples = 20000 if number == 4 else 400 + 100 * number
        soundfile.write(root / ("below" if number == 3 else "") / f"{number}.wav", rng.uniform(-1, 1, n_samples), 8000)
    (root / "=empty.wav").write_bytes(b"")
    (root / "corrupt.flac").write_bytes(b"fLaC" + bytes(100))
    (root / "notes.txt").write_text("no sound")
    return root


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".npz"])
def test_every_sound_has_its_rows_and_bad_ones_are_listed(model, sounds, tmp_path, ending):
    if ending == ".parquet":
        pytest.importorskip(
            "pyarrow", reason="pyarrow is not installed; make embed installs it when asked for .parquet"
        )
    out = tmp_path / f"out{ending}"
    done = embed_folder(model, sounds, out, ["timbre", "pitch"])
    assert (done.sounds, done.seconds, done.bad) == (6, 8, 2)
    if ending == ".npz":
        found = dict(np.load(out))
        names, timbre = found["file"], found["timbre"]
    else:
        table = pd.read_parquet(out) if ending == ".parquet" else pd.read_csv(out)
        assert list(table)[:4] == ["file", "start_s", "silent", "pitch_000"]
        names, timbre = table["file"], table.filter(like="timbre_").to_numpy(np.float32)
    assert list(names) == ["0.wav", "1.wav", "2.wav", "4.wav", "4.wav", "4.wav", "5.wav", "below/3.wav"]
    np.testing.assert_allclose(
        timbre[-1:], model.embed(sounds / "below" / "3.wav").seconds["timbre"], rtol=1e-5, atol=1e-6
    )
    tags = pd.read_csv(tmp_path / "out-tags.csv", dtype={"file": str})
    assert list(tags) == ["file", *model.classes]
    expected = model.tag(sounds / "4.wav", encoders=["timbre", "pitch"]).clip
    np.testing.assert_allclose(
        tags[tags["file"] == "4.wav"].to_numpy()[0, 1:].astype(float), expected, rtol=1e-4, atol=1e-5
    )
    bad = pd.read_csv(tmp_path / "out-bad.csv", index_col="file")["reason"]
    assert set(bad.index) == {"'=empty.wav", "corrupt.flac"}  # text to a spreadsheet, too
    assert bad["'=empty.wav"] == "empty file"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["sounds", out.name, "out-tags.csv", "out-bad.csv"]
    )


def test_what_was_stopped_goes_on_with_what_is_left_or_has_changed(model, sounds, tmp_path, monkeypatch, capsys):
    embed_folder(model, sounds, tmp_path / "whole.csv")
    monkeypatch.setattr(folder, "PART_FILES", 2)
    through = []

    def stopping(self, files, **asked):
        for number, found in enumerate(type(self).embed_each(self, files, **asked)):
            through.append(files[number].name)
            if len(through) == 5:
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr(type(model), "embed_each", type(model).embed_all, raising=False)
    monkeypatch.setattr(type(model), "embed_all", stopping)
    with pytest.raises(KeyboardInterrupt):
        embed_folder(model, sounds, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    assert through == ["0.wav", "1.wav", "2.wav", "4.wav", "5.wav"]
    soundfile.write(sounds / "1.wav", np.zeros(400), 8000)
    embed_folder(model, sounds, tmp_path / "out.csv")
    assert through[5:] == ["1.wav", "5.wav", "=empty.wav", "corrupt.flac", "3.wav"]
    assert "3 sounds of 8 were done before" in capsys.readouterr().out
    whole, found = (pd.read_csv(tmp_path / f"{name}.csv", index_col="file") for name in ("whole", "out"))
    assert sorted(found.index) == sorted(whole.index)
    assert found.loc["1.wav", "silent"]
    same = [table.drop("1.wav").sort_index(kind="stable") for table in (found, whole)]
    pd.testing.assert_frame_equal(*same)


def test_what_cannot_be_is_said_in_a_line(model, sounds, tmp_path):
    (tmp_path / "there.csv").touch()
    for root, name, said in (
        (sounds, "out.xlsx", ".parquet, .csv, .npz"), (sounds, "there.csv", "is there already"),
        (tmp_path / "nowhere", "out.csv", "no such folder"), (sounds, "nowhere/out.csv", "no folder"),
    ):  # fmt: skip
        with pytest.raises(PlainError, match=said):
            embed_folder(model, root, tmp_path / name)
    (tmp_path / "quiet").mkdir()
    with pytest.raises(PlainError, match="no sound files"):
        sound_files(tmp_path / "quiet")
