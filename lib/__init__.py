"""What pitch, timbre and learned features each add: the library that the notebooks share.

Floors, from the top down; a module imports only from floors below its own:

    commands  estimate  viewer       what a person types and touches
    stages  results                  the heavy steps of a run; stored scores to tables
    study                            a run: what was asked for, its folders
    encoders  subsets                one encoder from a representation; the head on every subset
    chunks  training  transformer  contributions
    corpora/  representations/  decode  measures  plots/
    settings  arrays  files  errors  numbers, rows of arrays, where things lie

`environment` stands apart: it makes the .venv that everything else needs. Importing the package itself loads nothing.
"""
