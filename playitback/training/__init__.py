"""Training: data sets, augmentation, objectives, metrics and the loop that writes checkpoints."""
