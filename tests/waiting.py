"""Waiting for what another process does: until it is so, or a time after which it is a failure."""

import time


def wait_until(there, patience_s=480, every_s=0.1):
    """What there() gives, as soon as it gives something."""
    end = time.monotonic() + patience_s
    while not (found := there()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(every_s)
    return found
