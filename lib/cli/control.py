"""One control of the graph that trains encoders of its own, or one peer, or one perturbation of test clips, as a job: python -m lib.cli.control PARENT TITLE NAME SEED DONE REQUEST.

REQUEST is the study's as JSON. When its scores are there, or a control cannot be run on this corpus, DONE is written.
The notebook that waits for it loads the scores (03 a control's, 07 a peer's, 09 a perturbation's); 03 says why a control's are
not there.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from lib import files
from lib.cli.notebook import job
from lib.cli.processes import leave


def main(words: Sequence[str]) -> int:
    """Run it for as long as the process `PARENT` is there; the exit status."""
    parent, title, name, seed, done, request = words
    return job(int(parent), title, lambda: run(name, int(seed), Path(done), json.loads(request)))


def run(name: str, seed: int, done: Path, request: dict) -> int:
    """The scores of a control, a peer or a perturbation of one seed; 0 where they are there or cannot be."""
    from lib.controls import ControlError, find, peers
    from lib.model import perturbed
    from lib.study import Request, Study

    study, reason = Study.of(Request(**request)), ""
    try:
        if name in study.request.perturbations:
            perturbed.run(study, name, seed)
        elif name in peers.of_request(study):
            peers.run(study, name, seed)
        else:
            find(name).run(study, seed)
    except ControlError as error:
        reason = str(error)
    files.write_json(done, {"control": name, "seed": seed, "reason": reason})
    return 0


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
