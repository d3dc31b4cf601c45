"""Epochs on a terminal: bars that move, and a line for each training that is done."""

import fcntl
import io
import os
import re
import struct
import termios
from contextlib import suppress

import pytest

from lib.cli.bars import show
from lib.encoders.training import progress


class Terminal(io.StringIO):
    """What is written to a terminal of 100 columns."""

    def isatty(self):
        return True


def epochs(what, total, capsys):
    """The lines of a training as it tells them where nobody watches."""
    tell = progress(what)
    for epoch in range(1, total + 1):
        tell({"epoch": epoch, "epochs": total, "loss": 0.5 / epoch, "seconds": 1.25})
    return capsys.readouterr().out.splitlines(keepends=True)


def test_epochs_of_two_trainings_at_once_are_bars_and_then_a_line_each(capsys):
    first, second = epochs("pitch, seed 0", 3, capsys), epochs("timbre, seed 0", 3, capsys)
    screen = Terminal()
    show(
        ["02 starts\n", *[line for pair in zip(first, second, strict=True) for line in pair], "02 done in 4 s\n"],
        screen,
    )
    assert "1/3, loss 0.5000" in screen.getvalue() and "2/3, loss 0.2500" in screen.getvalue()
    text = screen.getvalue()
    assert "epoch 1/3" not in text
    for name in ("pitch", "timbre"):
        assert len(re.findall(rf"{name}, seed 0: 3 epochs, loss 0\.1667, \d+ s", text)) == 1
    assert text.index("02 starts") < text.index("1/3") < text.index("02 done in 4 s")


def test_two_folds_with_one_name_each_come_to_their_end(capsys):
    one = epochs("pitch, seed 0", 2, capsys)
    screen = Terminal()
    show([one[0], one[0], one[1], one[1]], screen)
    assert screen.getvalue().count("pitch, seed 0: 2 epochs") == 2


def test_a_training_that_goes_on_and_one_that_breaks_off(capsys):
    screen = Terminal()
    show(epochs("pitch, seed 0", 4, capsys)[2:], screen)
    assert "3/4" in screen.getvalue() and "1/4" not in screen.getvalue()
    broken = Terminal()
    show([*epochs("pitch, seed 0", 4, capsys)[:2], "failed\n"], broken)
    assert "2/4" in broken.getvalue() and broken.getvalue().count("failed") == 1
    assert "4 epochs" not in broken.getvalue()


@pytest.mark.parametrize("columns", [0, 40, 200])
def test_bars_fit_the_terminal_and_are_there_where_it_does_not_say_its_size(columns, capsys):
    """As in a container, or under `script`: no rows and no columns."""
    terminal, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    with open(slave, "w") as screen:
        show(epochs("pitch, seed 0", 2, capsys), screen)
    written = b""
    with suppress(OSError), open(terminal, "rb", buffering=0) as file:  # at its end a terminal refuses to be read
        while part := file.read(1000):
            written += part
    written = written.decode()
    assert "\u2588" in written and ("1/2, loss 0.5000" in written or columns == 40)
    assert max(map(len, written.partition("pitch, seed 0: 2 epochs")[0].split("\r"))) < (columns or 80)
