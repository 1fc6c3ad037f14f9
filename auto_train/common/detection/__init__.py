"""What object detection is made of: networks and their losses, from outputs to boxes, metrics, parts of a report."""
