"""What a training leaves on disk: the run folder, its files, checkpoints, metrics and where else they go."""
