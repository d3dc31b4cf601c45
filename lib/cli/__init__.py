"""What `make` calls, a command a file: no logic of the study.

record        figures, tables and provenance of a run into figures/record, then the pages
results_page  README.md and docs/results.md from the records
data          a corpus from the network
cluster       the study's jobs on a cluster, by a profile
graph         snakemake, in a process that ends with the one above it, and its notebooks with it
notebook      a notebook of the graph, likewise
lab           JupyterLab on copies of the notebooks
outcome       how a run ended: Table 1, or what failed
bars          what the notebooks of a run say, on a terminal
compiled      librosa's compiled functions, once, before several processes want them
"""
