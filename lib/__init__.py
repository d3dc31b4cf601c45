"""What pitch, timbre and learned features each add: the library that the notebooks share.

Floors, from the top down; a module imports only from floors below its own:

    commands  estimate  viewer  bench   what a person types and touches
    report  serving                     a study on one page; the explorer in the browser
    reported  heard  blocks  runs       what the page reads; clips and what was said of them; what a page is made of; runs by name
    findings  published                 sentences and the paper's tables, made from ours
    shares  definitions  constructed    games played out; one score, many definitions; games with known answers
    comparisons  single  stages         differences; one encoder's tables; the heavy steps of a run
    controls/                           games that could refute the study
    results  games  plots/*  players    stored scores to tables; data to pictures and sounds in a page
    study                               a run: what was asked for, its folders
    encoders  subsets                   one encoder from a representation; the head on every subset
    speed                               arithmetic of a step, and what the machine could do
    chunks  training  transformer  contributions
    corpora/  representations/  decode  measures  intervals
    settings  arrays  files  errors  screen  processes  players  plots (style and saving alone)

`environment` stands apart: it makes the .venv that everything else needs. Importing the package itself loads nothing.
"""
