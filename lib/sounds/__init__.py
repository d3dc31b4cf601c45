"""From files to chunks: corpora (clips, labels, groups, roles), decoding, and 1 s chunks kept in arrays on disk."""
