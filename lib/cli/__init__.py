"""What `make` calls, a command a file: no logic of the study.

environment   names on make's command line, and .venv; runs before anything is installed
commands      what it hands over to: a command by its name; study: `make study`
record        figures, tables and provenance of a run into figures/record, then the pages (docs/pages)
data          a corpus from the network
embed, bundle a finished run as a tool
serving, lab  the explorer by Voila; JupyterLab on copies of the notebooks
estimate      how long a run will take
cluster       the study's jobs on a cluster, by a profile
graph         snakemake, in a process that ends with the one above it, and its jobs with it
notebook      a notebook of the graph, likewise; control: a control, peer or perturbation; gpus: on which GPU
forking       a process that kernels of notebooks are forked from; forked: how Jupyter asks it for one
imports       the files of lib that a notebook depends on
repair        what is damaged in a run is taken out before the graph runs
outcome       how a run ended: Table 1, or what failed; bars: its progress on a terminal
unforeseen    unexpected errors in one line; values: numbers among make's variables
processes     processes that are started, and end with this one; extras: packages for some commands
compiled      librosa's compiled functions, once, before several processes want them
"""
