"""File names as other systems spell them: slashes, capitals, accents, endings."""

import os
import posixpath
import re
import unicodedata
from collections import defaultdict
from functools import cached_property
from pathlib import Path


def plain(text: str) -> str:
    """A name without what systems write differently: capitals, and how accents are composed."""
    return unicodedata.normalize("NFC", text).casefold()


class Files:
    """The files below a folder, found as other systems spell them; read only where a table's spelling finds none."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def _paths(self) -> list[str]:
        """Of every file, relative to the folder."""
        return [
            posixpath.relpath(posixpath.join(at, name), self.folder)
            for at, _, names in os.walk(self.folder)
            for name in names
        ]

    @cached_property
    def _known(self) -> dict[str, dict[str, list[str]]]:
        """The paths by their plain spelling, by that without the ending, and by the name alone."""
        forms = {"path": str, "stem": lambda path: posixpath.splitext(path)[0], "name": posixpath.basename}
        known: dict[str, dict[str, list[str]]] = {form: defaultdict(list) for form in forms}
        for path in self._paths:
            for form, take in forms.items():
                known[form][plain(take(path))].append(path)
        return known

    def spelled(self, text: str) -> str:
        """A path as it is or, where no file has that very name, as the only file is called that differs by the slashes
        of Windows, by capitals, or by how accents are composed."""
        for each in (text, text.replace("\\", "/")):
            if not each or os.path.lexists(self.folder / each):
                return each
        alike = self._known["path"].get(plain(posixpath.normpath(each)), [])
        return alike[0] if len(alike) == 1 else each

    def hint(self, text: str) -> str:
        """Why no file has this path, where something like it is there; else empty."""
        if os.path.lexists(self.folder / text):
            return ""
        if re.match(r"~[^/]*/|\$\w+/|\$\{|%\w+%", text):
            return "file not found: ~ and variables mean nothing in a table; paths are relative to its folder"
        if self._known["stem"].get(plain(posixpath.normpath(text))):
            return "file not found, but one with an ending: the column path needs it too, as in a.wav"
        if self._known["name"].get(plain(posixpath.basename(text))):
            return "file not found, but one of that name in another folder: paths are relative to the table's folder"
        return ""
