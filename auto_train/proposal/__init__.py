"""What `init` writes: choices for an INI, each with its reason, from facts of the data and of this machine."""
