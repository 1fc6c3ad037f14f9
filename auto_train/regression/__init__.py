"""Regression: one or several numbers for one image, each with an interval."""
