"""Detectors: the network, the two ways to make one, and non-maximum suppression."""
