"""Waiting for what another process does: until it is so, or a time after which it is a failure."""

import time


def wait_until(there, patience_s=480):
    """Wait until there() is true."""
    end = time.monotonic() + patience_s
    while not there():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
