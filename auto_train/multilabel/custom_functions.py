"""Functions that multilabel INIs may name: none of its own yet. Yours go into the file named in
``[project] custom_functions``.
"""
