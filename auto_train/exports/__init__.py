"""Converters from a trained model to the files that engines run. One file each; base.py is the contract."""
