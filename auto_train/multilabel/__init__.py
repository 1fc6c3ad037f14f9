"""Multilabel: any number of labels for one image, also none."""
