"""What moves the weights, and for how long: optimizers, losses, schedules, stages, the time budget."""
