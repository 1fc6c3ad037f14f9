"""Networks: timm backbones with the heads of the tasks, and the inference model that is exported and served."""
