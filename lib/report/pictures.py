"""The pictures that a page may show, with their titles and what is to be seen on them in words."""

# The pictures that a page shows: title, and what there is to see for those who cannot see it. Those that matter most come
# first: they stay where not all have room.
PICTURES = {
    "table1": ("Table 1", "Bars of each encoder and all four together with their intervals, on FSD50K the paper's beside them; the numbers are those of Table 1."),
    "contributions": ("Shares", "A bar for each encoder: what it contributes to all four together, with its interval, by both heads."),
    "overview": ("The study at a glance", "A diagram: one second of sound becomes peaks, MFCC, a neuralogram and a waveform; each goes through the same Transformer; one head reads every subset of the four embeddings."),
    "01_representations": ("What each encoder is given", "A few sounds, one a column; below each its spectrum and what the four encoders are given of it."),
    "lattice": ("All fifteen subsets as a lattice", "From no encoder on the left to all four on the right; each line adds one encoder and climbs by what it adds."),
    "marginals": ("Alone, on average, and added last", "Three marks for each encoder: its value alone, its share, and what is lost without it."),
    "redundancy": ("Pairs: more together, or less?", "A square of pairs of encoders, coloured by their interaction: below zero they add less together than each by itself."),
    "subsets": ("All subsets with both heads", "A row for each subset of the encoders, with its value and interval by both heads, for chunks and for clips."),
    "heads": ("The two heads against each other", "A mark for each subset: the head with a hidden layer against the linear one."),
    "classes": ("Shares by class", "A table of colours: a row for each class, a column for each encoder; framed where the encoder owns the class."),
    "confusion": ("What is taken for what", "A square of colours: a row for each label that test clips have, a column for each that all four name; where clips have several labels, beside it which labels they share."),
    "branches": ("By branch of the classes", "A table of colours: a row for each encoder, a column for each branch of the ontology."),
    "class": ("One class: the one where all four stand best against the best of them alone, above it or not", "Its average precision by every subset, each encoder's share of it, and its test clips by score."),
    "controls": ("Controls beside the study", "Shares of the study's encoders, and of the players of each control, with their intervals."),
    "probes": ("What each embedding knows", "A table of colours: a row for each property of the sound, a column for each encoder: what a linear probe reads of it, with its interval."),
    "similarity": ("What of one embedding can be had from others", "Tables of colours: what of each embedding a ridge on others predicts."),
    "curves": ("Shares against budget and against data", "Lines of each encoder's share at parts of the epochs and of the training groups."),
    "definitions": ("The same scores under every definition", "A mark for each definition of a measure: what the same stored scores give by it, between a constant predictor and the best there could be."),
    "robustness": ("As the test clips are made worse", "A panel for each way to make a clip worse: lines of each encoder and all four against the strength, with their intervals."),
    "robustness_half": ("Where half of the gain is gone", "A table of colours: a row for each subset of the encoders, a column for each way to make a clip worse; in each the strength, or never."),
    "robustness_length": ("How long must one listen?", "Lines of each encoder and all four against the seconds heard, from the start of a clip and from anywhere."),
    "careless": ("What careless protocols would have given", "For each broken rule two marks: the number by the rule, and the number without it."),
}  # fmt: skip
