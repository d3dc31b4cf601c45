"""What pitch, timbre and learned features each add: the library that the notebooks share.

Floors, from the top down; a module imports only from floors below its own:

    commands  estimate  bench           what a person types
    cli/record, results_page            records of runs, and the pages written from them
    cli/compiled                        librosa's compiled functions, made once
    cli/graph, notebook                 what the graph starts: snakemake, and a notebook below it
    report  serving  explorer/          a study on one page; touch it, in a notebook and in the browser
    reported  blocks  heard             a run as its page reads it; what a page is made of; clips and what was said of them
    answers                             what a finished study answers about any sound
    evaluation/claims, selection        what may be claimed; what is chosen by looking, with its test
    evaluation/probes, similarity, gains  what each embedding knows; what of one can be had from others
    evaluation/baselines                encoders beside classical learning on their own input
    evaluation/curves, substitutes      shares against budget and data; log-mel in the place of another
    findings  published  viewer         sentences and the paper's tables, made from ours; clips to move through
    shares  definitions  constructed    games played out; one score, many definitions; games with known answers
    comparisons  single  stages         differences; one encoder's tables; the heavy steps of a run
    controls/                           games that could refute the study
    evaluation/                         scores in, numbers with intervals and sentences out
    results  games  runs  plots/*       stored scores to tables; data to pictures
    study                               a run: what was asked for, its folders
    encoders  subsets                   one encoder from a representation; the head on every subset
    speed  maps                         arithmetic of a step, and what the machine could do; chunks on a plane
    chunks  training  transformer  contributions
    evaluation/chance                   what a ranking by chance is expected to have
    corpora/  representations/  decode  measures  intervals
    settings  arrays  files  errors  screen  threads  processes  players  mpl  plots (style and saving alone)

`environment` stands apart: it makes the .venv that everything else needs. Importing the package itself loads nothing.
"""
