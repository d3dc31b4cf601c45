"""Scores and embeddings in, numbers with intervals and sentences out.

From stored scores to a number in Table 1, in reading order:

scores           what a run stored, read at chunk and clip level, and measured with groups of clips drawn anew
measures         the nine measures of one matrix of scores
resampling       the draws of groups, the bootstrap, and how its results are kept
influence        the same from influence functions, where groups are many
chance           what a ranking by chance is expected to have, in closed form
intervals        standard errors, intervals, p values and their corrections
results          subsets.csv, from which Table 1 is read
paper            Table 1, Table 2 and the ledger beside the paper's numbers

Who contributes what:

games            which scores play which game
shapley          shares, interactions, alone and added last of any game
contributions    a study's games played out: the tables of shares
comparisons      paired differences of models, and branches of the ontology
selection        the best subset and the owners of classes, which are chosen by looking, each with its test
curves           shares against the budget of training and against the number of training clips
baselines        each encoder beside the best classical learner on its own input
substitutes      log-mel in the place of each encoder
gains            what a subset adds to another in log-loss, on calibrated scores
metric_choices   the same scores by every definition that the paper leaves open
peers            other systems in the same harness: what they reach, and whether pitch and timbre still add to them
conditions       what is done to test clips to see what breaks a study, and where the scores of each condition lie
robustness       what is left of values and shares in each condition

Single models and embeddings:

single           one encoder's own classifier, class by class
predictions      what is predicted for each test clip, and what is taken for what
convergence      how far linear heads that are trained by descent are from their optimum
frozen           the chunks and the embeddings that probes read
properties       what is measured on the sound itself, chunk by chunk
ridge            linear regression whose penalty is chosen by groups
probes           what a linear model reads of each property off a frozen embedding
similarity       how far one embedding can be had from others

In words:

sentences        words for numbers; sentences about Table 1
claims           what may be claimed of shares, subsets, classes and controls
probe_sentences, robustness_sentences  the same of probes, similarities and gains; of what breaks a study
readable         tables on the screen
"""
