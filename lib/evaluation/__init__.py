"""Scores and embeddings in, numbers with intervals and sentences out.

chance           what a ranking by chance is expected to have, in closed form
selection        the best subset and the owners of classes, which are chosen by looking, each with its test
claims           what may be claimed of shares, subsets, classes and controls, in sentences
curves           shares against the budget of training and against the number of training clips
baselines        each encoder beside the best classical learner on its own input
substitutes      log-mel in the place of each encoder
convergence      how far linear heads that are trained by descent are from their optimum
properties       what is measured on the sound itself, chunk by chunk
ridge            linear regression whose penalty is chosen by groups
probes           what a linear model reads of each property off a frozen embedding
similarity       how far one embedding can be had from others
gains            what a subset adds to another in log-loss, on calibrated scores
probe_sentences  sentences made from the tables of these
recorded         a recorded study as its pages read it
results_models   what its models reach, as Markdown
results_games    who contributes what in it, as Markdown
"""
