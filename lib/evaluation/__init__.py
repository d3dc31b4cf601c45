"""Scores and embeddings in, numbers with intervals and sentences out.

properties      what is measured on the sound itself, chunk by chunk
ridge           linear regression whose penalty is chosen by groups
probes          what a linear model reads of each property off a frozen embedding
similarity      how far one embedding can be had from others
gains           what a subset adds to another in log-loss, on calibrated scores
probe_sentences sentences made from the tables of these
"""
