"""Decoders that turn features into a class for every pixel, and answers for images of any size."""
