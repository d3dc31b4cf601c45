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


def stripped(text: str) -> str:
    """A cell or a name without blanks around it, those of no width included."""
    return text.strip().strip("\u200b\u2060\ufeff").strip()


def in_other_encodings(path: str) -> list[str]:
    """What a name that is no UTF-8 may be called, as unpackers and old systems left it; empty for one that is UTF-8."""
    if not re.search(r"[\udc80-\udcff]", path):
        return []
    return [plain(os.fsencode(path).decode(each, "replace")) for each in ("cp1252", "cp850", "cp437", "mac_roman")]


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
        """The paths by their plain spelling without blanks around, by that without the ending, and by the name alone."""
        forms = {"path": stripped, "stem": lambda path: posixpath.splitext(path)[0], "name": posixpath.basename}
        known: dict[str, dict[str, list[str]]] = {form: defaultdict(list) for form in (*forms, "encoded")}
        for path in self._paths:
            for form, take in forms.items():
                known[form][plain(take(path))].append(path)
            for text in in_other_encodings(path):
                known["encoded"][text].append(path)
        return known

    def spelled(self, text: str) -> str:
        """A path as it is or, where no file has that very name, as the only file is called that differs by the slashes
        of Windows, by capitals, by how accents are composed, or by blanks around it."""
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
        if self._known["encoded"].get(plain(posixpath.normpath(text))):
            return "file not found, but one whose name is not written in UTF-8: rename it, for instance by convmv"
        if self._known["stem"].get(plain(posixpath.normpath(text))):
            return "file not found, but one with an ending: the column path needs it too, as in a.wav"
        if self._known["name"].get(plain(posixpath.basename(text))):
            return "file not found, but one of that name in another folder: paths are relative to the table's folder"
        return ""
