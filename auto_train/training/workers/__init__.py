"""Several processes that train one model: starting, meeting, sharing samples and gradients."""
