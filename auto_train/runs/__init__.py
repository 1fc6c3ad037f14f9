"""The format of a run folder, written and read in one place. Loads no torch."""
