"""What pitch, timbre and learned features each add: the library that the notebooks share.

Floors, from the top down; a wing imports only from floors below its own, and wings that share a floor do not know each
other. The contract is in pyproject.toml, and `make test` checks it.

    cli               what a person types: one command a file, no logic of the study
    report            a finished study on one page
    explorer          touch a finished study, in a notebook or the browser; clips to hear and see
    model             a trained study as a tool: any sound in, embeddings and tags out
    stages            the heavy steps of a run, as the notebooks call them
    controls          games that could refute the study, games with known answers, protocols to avoid
    evaluation plots  scores in, numbers with intervals and sentences out; data and an axis in, a picture out
    study             one run: what was asked for, its folders and seeds
    encoders          the body, the training loop, an encoder, the heads on every subset
    representations   one file each: what an encoder is given of a sound
    sounds            corpora, decoding, chunks of 1 s
    display           matplotlib's style, saving a figure, progress on the screen
    settings          every number that can be set, with its bounds and the reason
    files             whole files, caches, locks, errors of one line; runs by their names

From `make study` to a number in Table 1, file by file:

- cli/environment.py and cli/study.py: what is asked for is checked, and becomes a plan
- Snakefile: the plan as a graph of notebooks
- notebooks/02 and `train` in stages.py: an encoder (encoders/encoder.py), and the scores of its own classifier
- notebooks/03 and `score` in stages.py: a head on every subset (encoders/heads.py), into runs/<study>/scores
- `write_subsets` in evaluation/results.py: the scores measured (measures.py), again with groups of clips drawn anew
  (scores.py, resampling.py or influence.py), and given intervals (intervals.py), into tables/subsets.csv
- notebooks/05 and `table1` in evaluation/paper.py: the rows of Table 1, into tables/table1.csv; cli/outcome.py prints them

And to a share: notebooks/04, `play_all` and `share_rows` in evaluation/contributions.py: the same scores as a game (games.py),
shared out (shapley.py), into tables/contributions.csv.

`cli.environment` stands apart: it runs under whatever Python there is and makes the .venv that everything else needs.
Importing the package itself loads nothing.
"""
