"""Scores in, numbers with intervals and sentences out."""
