"""Touch a finished study: listen, switch encoders on and off, walk through what sounds alike, put in a sound of one's own.

`open_study` gives the views that notebook 06 shows one by one. With someone to click they are widgets (`page`, which puts
together `choosing`, `panel`, `onmap`, `upload` and `learned`); without anyone, as in a printed copy, each is a figure and
a table (`twin`). Both are made from `inference` and show the same. `own` is notebook 08's folder of sounds.

viewer         the small viewer of notebook 01: a few clips as each encoder is given them
embedding_map  embeddings on a plane; limits: what a sound of one's own may be
markup         tables and players as HTML; html_media: sounds and pictures inside a page
events         what a click or an error does; moving: what a browser must do by itself
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lib.study import Study


def open_study(study: Study, seed: int = 0, n_points: int = 1000) -> Any:
    """The views of a finished study, of its first fold where it has several: live or on paper.

    n_points: chunks on the map at most. StudyError, naming the notebook to run, where the study is not finished.
    """
    from lib.display.screen import in_jupyter
    from lib.explorer.inference import Inference  # here: the server reads the limits beside this file, without torch
    from lib.study import StudyError

    if seed not in study.request.seeds:
        raise StudyError(f"seed {seed}: this study has the seeds {', '.join(map(str, study.request.seeds))}")
    inference = Inference(study.parts[0], seed)
    if in_jupyter():
        from lib.explorer.page import Explorer

        return Explorer(inference, n_points)
    from lib.explorer.twin import Twin

    return Twin(inference, n_points, study)
