"""From files to chunks of 1 s.

corpora   clips with labels, groups and roles, from each source's tables
download  a corpus from the network
decode    one file to mono samples; mp3: files that do not say their length
chunks    the rule of cutting, and the chunks of a corpus; cutting: a corpus cut once and kept on disk
arrays    rows of arrays on disk
perturb   sounds made worse in known ways; excerpts: clips heard for less long
"""
