"""Scores in, numbers with intervals and sentences out.

    chance   what a ranking by chance is expected to have, in closed form
    claims   what may be claimed of shares, subsets, classes and controls, in sentences
"""
