"""What pitch, timbre and learned features each add: the library that the notebooks share.

Floors, from the top down; a module imports only from floors below its own:

    commands  estimate  viewer  bench   what a person types and touches
    findings  published                 sentences and the paper's tables, made from ours
    comparisons  single  stages         differences and shares; one encoder's tables; the heavy steps of a run
    results  plots/*                    stored scores to tables; data to pictures
    study                               a run: what was asked for, its folders
    encoders  subsets                   one encoder from a representation; the head on every subset
    speed                               arithmetic of a step, and what the machine could do
    chunks  training  transformer  contributions
    corpora/  representations/  decode  measures
    settings  arrays  files  errors  screen  plots (style and saving alone)

`environment` stands apart: it makes the .venv that everything else needs. Importing the package itself loads nothing.
"""
