"""Our code against what anybody would take instead, and what it needs of a machine: `make bench`.

case      one comparison: rounds of both sides, interleaved, and the medians of both
features  representations and the waveform's filters
steps     training steps against plain ones
results   heads, intervals, and a sound file to tags
cost      seconds of each step of the study by how much sound there is
step      what a training step needs of a GPU, counted, and how long the paper's run would take
like_fsd50k  a corpus as large as FSD50K, for measurements
study     one fold of ESC-10 by this project and by `plain`, which is written with libraries alone
"""
