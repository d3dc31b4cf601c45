"""make embed and make bundle as one types them: what they print, what they refuse, in one line."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib.cli.commands import main
from lib.model import open_model


@pytest.fixture
def sounds(tmp_path):
    folder = tmp_path / "sounds"
    folder.mkdir()
    soundfile.write(folder / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(30000), 16000)
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


def test_a_folder_goes_through_a_run_and_its_bundle_alike(finished_study, sounds, tmp_path, capfd):
    name = finished_study.slug
    assert main(["embed", f"STUDY={name}", f"ROOT={sounds}", f"OUT={tmp_path}/run.csv", "ENCODERS=timbre"]) == 0
    assert "1 sound, 2 rows of a second each" in (told := capfd.readouterr().out)
    assert "1 sound could not be used" in told
    assert main(["bundle", f"STUDY={name}", f"OUT={tmp_path}/mine"]) == 0
    assert "open_model(" in capfd.readouterr().out
    assert open_model(tmp_path / "mine").classes == open_model(name).classes
    assert (
        main(["embed", f"STUDY={tmp_path}/mine", f"ROOT={sounds}", f"OUT={tmp_path}/bundle.csv", "ENCODERS=timbre"])
        == 0
    )
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "run.csv"), pd.read_csv(tmp_path / "bundle.csv"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["embed"], "ROOT=folder"),
        (["embed", "STUDY=nothing", "ROOT={sounds}", "OUT={tmp}/a.csv"], "no such run"),
        (["embed", "STUDY={name}", "ROOT={tmp}/nowhere", "OUT={tmp}/a.csv"], "no such folder"),
        (["embed", "STUDY={name}", "ROOT={tmp}/nowhere"], "no such folder"),
        (["embed", "STUDY={name}", "ROOT={sounds}/a.wav", "OUT={tmp}/a.csv"], "this is a file; name its folder"),
        (["embed", "STUDY={name}", "ROOT={sounds}", "OUT={tmp}/a.csv", "DEVICE=gpu"], "DEVICE=gpu: choose auto, cpu"),
        (["embed", "STUDY={name}", "ROOT={sounds}", "OUT={tmp}/a.xlsx"], "ends in"),
        (["embed", "STUDY={name}", "ROOT={sounds}", "OUT={tmp}/a.csv", "ENCODERS=bass"], "encoder 'bass'"),
        (["bundle", "STUDY={name}", "OUT={sounds}"], "already"),
        (["bundle", "STUDY={name}", "ONNX=maybe"], "yes or no"),
    ],
)
def test_what_cannot_be_is_one_line(finished_study, sounds, tmp_path, capfd, monkeypatch, words, said):
    monkeypatch.setattr("lib.cli.embed.need", lambda *modules: pytest.fail("nothing is installed for a mistake"))
    places = {"name": finished_study.slug, "sounds": sounds, "tmp": tmp_path}
    assert main([word.format(**places) for word in words]) == 2
    err = capfd.readouterr().err
    assert said in err
    assert err.count("\n") == 1
