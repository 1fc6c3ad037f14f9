"""From where data is to a folder on this machine: mirrors, downloads, archives, pretrained weights."""
