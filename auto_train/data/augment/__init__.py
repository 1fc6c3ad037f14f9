"""Random changes of images during training: what may happen, and how boxes and masks follow."""
