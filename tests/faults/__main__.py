"""python -m faults SEED=0 N=50, with tests/ on the path: what `make faults` calls."""

import sys

from faults import faults
from lib.cli.environment import Stop
from lib.cli.processes import interrupts
from lib.cli.unforeseen import in_one_line
from lib.files import PlainError

if __name__ == "__main__":
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    try:
        interrupts(heard=True)
        with in_one_line("faults"):
            sys.exit(faults(**{name.lower(): int(value) for name, value in given.items()}))
    except (Stop, PlainError) as stop:
        sys.exit(f"make faults: {stop}")
    except KeyboardInterrupt:
        sys.exit(130)  # what called this says the rest
