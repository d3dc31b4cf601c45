"""What is made once from the same inputs: by its key, whole, and never beside something of another key."""

import pytest

from lib.files import cached, digests


@pytest.fixture
def made(tmp_path):
    """A function that makes two files under a key, and the keys that they were made for so far."""
    manifest, paths, calls = tmp_path / "made.json", [tmp_path / "a.json", tmp_path / "b.json"], []

    def once(key, stops=False):
        def make():
            calls.append(key)
            for path in paths:
                digests.write_json(path, key)
                if stops:
                    raise KeyboardInterrupt

        cached.once(manifest, key, paths, make)
        return [digests.load_json(path) for path in paths]

    once.calls, once.paths, once.manifest = calls, paths, manifest
    return once


def test_the_same_key_makes_once_and_another_makes_anew(made):
    assert made("one") == made("one") == ["one", "one"] and made.calls == ["one"]
    assert made("two") == ["two", "two"] and made.calls == ["one", "two"]
    assert made("one") == ["one", "one"], "the files of two are gone"


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_is_missing_or_damaged_is_made_again(made, which, capsys):
    made("one")
    made.paths[which].write_text("no json")
    assert made("one") == ["one", "one"] and made.calls == ["one", "one"]
    assert "is damaged: it is made again" in capsys.readouterr().out
    made.paths[which].unlink()
    assert made("one") == ["one", "one"] and len(made.calls) == 3


def test_stopped_in_between_nothing_of_two_keys_stands_side_by_side(made):
    made("one")
    with pytest.raises(KeyboardInterrupt):
        made("two", stops=True)
    assert not made.manifest.exists() and not made.paths[1].exists()
    assert made("two") == ["two", "two"]
