"""Functions that INIs of object detection may name; none yet. Write your own into a file of yours, and name that file
in ``[project] custom_functions``.
"""
