"""Functions that segmentation INIs may name; a preprocess_function here must leave every pixel in its place."""
