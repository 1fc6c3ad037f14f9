"""Many images through one model: which ones (inputs.py), the work (predict.py), and the table of answers (rows.py)."""

from auto_train.serving.batch.inputs import Input, find_inputs
from auto_train.serving.batch.predict import BatchResult, predict_all
from auto_train.serving.batch.rows import check_output

__all__ = ["BatchResult", "Input", "check_output", "find_inputs", "predict_all"]
