"""Object detection: boxes around things, each with a class."""
