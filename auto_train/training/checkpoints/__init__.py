"""Checkpoints: what a training needs to continue, written so that a crash cannot lose it."""
