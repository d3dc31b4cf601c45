"""The body, its training loop, one encoder from a representation, and the heads on every subset of embeddings."""
