"""Classification: one label for one image."""
