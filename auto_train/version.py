"""The version of this program, read by packaging too."""

__version__ = "0.1.0"
