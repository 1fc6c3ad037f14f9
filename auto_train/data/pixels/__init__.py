"""Decoded images on disk, once for all epochs: the pixel store, its loader and the exact resize."""
