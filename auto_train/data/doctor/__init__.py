"""The data doctor: what is wrong with a data set, with files, pictures and what to do. Knows no task and no config.

One look at every image (look.py, scan.py) and mask (masks.py), checks on what was seen (files.py, copies.py, near.py,
classes.py, boxes.py, masks.py, values.py), and what is left for people and programs (page.py, exclude.py). A further
check is one function in ``CHECKS`` of examine.py and its kinds in ``KINDS`` of finding.py.
"""

from auto_train.data.doctor.examine import Examination, examine
from auto_train.data.doctor.exclude import read_exclude, write_exclude
from auto_train.data.doctor.finding import KINDS, Finding, Item
from auto_train.data.doctor.looks import Looks
from auto_train.data.doctor.page import write_data_report
from auto_train.data.doctor.scan import look_at_all

__all__ = [
    "KINDS",
    "Examination",
    "Finding",
    "Item",
    "Looks",
    "examine",
    "look_at_all",
    "read_exclude",
    "write_data_report",
    "write_exclude",
]
