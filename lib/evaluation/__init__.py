"""Scores in, numbers with intervals and sentences out.

chance     what a ranking by chance is expected to have, in closed form
selection  the best subset and the owners of classes, which are chosen by looking, each with its test
claims     what may be claimed of shares, subsets, classes and controls, in sentences
"""
