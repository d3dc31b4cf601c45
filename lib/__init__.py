"""What pitch, timbre and learned features each add: the library that the notebooks share.

Floors, from the ground up; a module imports only from floors below its own:

    study, request                   a run: its folder, its parameters, its jobs
    encoders  subsets                one encoder from a representation; the head on every subset
    chunks  training  transformer  contributions
    corpora/  representations/  settings  measures  plots
    files                            the project's folders, atomic writes

Importing the package itself loads nothing.
"""
