"""Errors that tell a person what they did, where, and what would work."""


class PlainError(Exception):
    """An error whose message is all there is to read: one line, which notebooks show without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]
