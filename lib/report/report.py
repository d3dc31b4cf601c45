"""runs/<study>/report.html: a study in one file that opens from disk, in the order in which a colleague reads it.

Everything comes from the tables, figures and scores that the run left; nothing is computed anew. Where something is
missing, the page says so and names what makes it. Sounds need the corpus; without it the page has none and says why.
"""

import time
from pathlib import Path

from lib import files
from lib.display.screen import counted
from lib.files import digests
from lib.report import page_elements
from lib.report.page_elements import Element, Section, note
from lib.report.run import Run
from lib.report.sections import SECTIONS, Maker
from lib.study import StudyError


def write(folder: Path) -> Path:
    """Write the report of the run in this folder, and give its path."""
    run = Run.of(folder)
    shown = {"facts": facts(run), "lacking": run.lacking, "sections": [section(run, *each) for each in SECTIONS]}
    made = time.strftime("%Y-%m-%d %H:%M")
    text = page_elements.page("report.html.j2", slug=run.study.slug, made=made, **shown)
    with files.atomic_write(folder / "report.html") as temporary:
        temporary.write_text(text, encoding="utf-8")
    return folder / "report.html"


def section(run: Run, anchor: str, title: str, opening: str, *makers: Maker) -> Section:
    """A section of what its makers show; a note, once, for what is missing."""
    found: list[Element] = []
    for make in makers:
        try:
            found += make(run)
        except (StudyError, digests.Damaged) as missing:
            lacking = note(f"Not there yet: {missing}.")
            found += [] if lacking in found else [lacking]
    return Section(anchor, title, opening, tuple(found) or (note("This run has left nothing of it."),))


def facts(run: Run) -> dict[str, str]:
    """What was run, in a few words each."""
    request = run.study.request
    shown = {"corpus": run.study.title, "preset": request.preset, "seeds": ", ".join(run.seeds) or "none yet"}
    shown |= {"test folds": ", ".join(str(part.request.fold) for part in run.parts)} if request.fold else {}
    paths = [part.folder / "scores" / "test.npz" for part in run.parts]
    if all(path.exists() for path in paths):
        tests = [digests.read(path, digests.load_arrays) for path in paths]
        clips = counted(sum(len(set(test["clip"])) for test in tests), "clip")
        chunks = counted(sum(len(test["clip"]) for test in tests), "chunk")
        length_s, classes = run.study.settings.chunking.length_s, counted(len(tests[0]["classes"]), "class")
        shown["tested on"] = f"{clips}, {chunks} of {length_s:g} s, {classes}"
    return shown
