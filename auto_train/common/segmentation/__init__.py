"""What segmentation recipes share: decoders, losses, metrics, and answers for images of any size."""
