"""What a model is measured by: metrics of each kind of answer, their intervals, thresholds."""
