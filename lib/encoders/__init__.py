"""The body, its training loop, one encoder from a representation, and the heads on every subset of embeddings.

transformer    the body and the classifiers, as the paper has them
training step  the loop over epochs, and one step of it; feed: its batches on a device
encoder        one encoder: features, training, checkpoint, embeddings
heads ridge    a head on every subset of embeddings; least squares in closed form
peers          other systems as further encoders: frozen, or trained here from scratch; titles: what models are called
fast           what makes a step fast; speed: what it costs; threads: independent work side by side
"""
