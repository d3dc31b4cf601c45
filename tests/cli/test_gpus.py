"""Places on GPUs: each job its own, and what it may see."""

import os
import threading

import pytest

from lib.cli.gpus import in_words, place, places, shared

GIB = 2**30


def test_without_a_gpu_there_are_no_places():
    import torch

    assert places("cpu", int) == places("mps", int) == []
    if not torch.cuda.is_available():
        assert places("auto", int) == []


def test_a_gpu_that_torch_cannot_use_is_no_silent_matter(tmp_path, monkeypatch):
    import torch

    if torch.cuda.is_available():
        pytest.skip("torch uses the GPU")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert in_words("cpu") == "cpu" and in_words("auto") in ("auto: cpu", "auto: mps")
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    assert "sees no GPU" in in_words("auto") and torch.__version__ in in_words("auto")


def test_a_gpu_has_a_place_for_each_training_that_it_has_room_for_and_one_at_least():
    assert shared({0: 80 * GIB}, 25 * GIB) == [0, 0, 0]
    assert shared({0: 80 * GIB, 1: 30 * GIB, 2: 10 * GIB}, 25 * GIB) == [0, 1, 2, 0, 0]
    assert shared({0: 80 * GIB}, GIB) == [0] * 4


def test_jobs_side_by_side_have_places_of_their_own_and_see_one_gpu(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with place([0, 1], tmp_path) as first:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == str(first) == "0"
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        with place([0, 1], tmp_path) as second:
            assert second == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, 7")  # what a scheduler gave
    with place([1], tmp_path):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"


def test_a_job_waits_for_a_place_that_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    got = threading.Event()

    def other():
        with place([0], tmp_path):
            got.set()

    with place([0], tmp_path):
        waiting = threading.Thread(target=other, daemon=True)
        waiting.start()
        assert not got.wait(1)
    assert got.wait(120)
    waiting.join()


def test_a_job_without_places_sees_what_it_saw(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with place([], tmp_path) as nothing:
        assert nothing is None and os.environ["CUDA_VISIBLE_DEVICES"] == "3"


@pytest.mark.parametrize("broken", [RuntimeError, KeyboardInterrupt])
def test_a_place_is_free_again_after_a_job_that_failed(tmp_path, monkeypatch, broken):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(broken), place([0], tmp_path):
        raise broken
    with place([0], tmp_path) as again:
        assert again == 0
