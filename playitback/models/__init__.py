"""The networks: log-mel frames in, local features, slots, grids and class logits out."""
