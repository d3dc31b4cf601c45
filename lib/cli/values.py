"""Values of make's variables that several commands read."""

from lib.cli.environment import Stop


def whole_number(name: str, text: str, low: int = 0, high: int | None = None) -> int | None:
    """The number in `text`, None where it is empty; Stop where it is something else or outside low to high."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= (high or int(text))):
        raise Stop(f"{name}={text}: a whole number from {low}{f' to {high}' if high else ''}")
    return int(text)
