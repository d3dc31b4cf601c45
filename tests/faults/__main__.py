"""python -m faults SEED=0 N=50, with tests/ on the path: what `make faults` calls."""

import sys

from faults import faults

if __name__ == "__main__":
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    sys.exit(faults(**{name.lower(): int(value) for name, value in given.items()}))
