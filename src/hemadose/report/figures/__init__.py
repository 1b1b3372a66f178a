"""One module per figure; each gives a matplotlib Figure from values of the model."""
