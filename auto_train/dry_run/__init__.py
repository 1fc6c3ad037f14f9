"""Two batches of everything: what `train --dry-run` tries, and an estimate of the whole."""
