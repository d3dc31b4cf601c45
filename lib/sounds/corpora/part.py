"""A part of a corpus, to try a large one on a small machine: whole groups, and of every label its share."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lib.sounds.corpora.base import Corpus

SEED = 0  # of every part: the same clips in every run


def part_of(corpus: Corpus, share: float) -> Corpus:
    """Groups of clips that hold about `share` of the clips of each label, in every role or fold; the classes stay."""
    clips, keep = corpus.clips, np.zeros(len(corpus.clips), bool)
    side = clips["fold"] if corpus.folds else clips["role"]
    for name in sorted(side.unique()):
        rows = np.flatnonzero(side == name)
        keep[rows] = drawn(clips["labels"].iloc[rows].tolist(), clips["group"].iloc[rows].tolist(), share)
    note = (
        f"subset={share:g}: {keep.sum()} of {len(clips)} clips, drawn group by group and label by label; every number here "
        "is of this part alone"
    )
    return replace(corpus, clips=clips[keep].reset_index(drop=True), notes=(note, *corpus.notes))


def drawn(labels: Sequence[tuple[str, ...]], groups: Sequence[str], share: float, seed: int = SEED) -> np.ndarray:
    """Which clips [clip] bool are taken: groups in shuffled order, for the rarest label first, up to its share.

    A group that would bring more clips of any of its labels, or in all, than are wanted is left for a larger share;
    where a label has no other, the smallest group that has it is taken: of every label there is one.
    """
    of_group: dict[str, Counter] = defaultdict(Counter)
    for group, own in zip(groups, labels, strict=True):
        of_group[group].update({*own, None})  # None: the clips themselves
    having: dict[str, list[str]] = defaultdict(list)
    for group in map(str, np.random.default_rng(seed).permutation(sorted(of_group))):
        for label in of_group[group]:
            having[label].append(group)
    in_all = {label: sum(of_group[group][label] for group in its) for label, its in having.items()}
    wanted = {label: max(1, round(share * count)) for label, count in in_all.items()}
    taken, have = set[str](), Counter()

    def take(group: str) -> None:
        taken.add(group)
        have.update(of_group[group])

    for label in sorted(in_all, key=lambda label: (label is None, in_all[label], label)):
        for group in [group for group in having[label] if group not in taken]:
            if all(have[each] + count <= wanted[each] for each, count in of_group[group].items()):
                take(group)
        if not have[label]:
            take(min(having[label], key=lambda group: (of_group[group][None], group)))
    return np.isin(groups, list(taken))
