"""Many images through one model: which ones (inputs.py), the work (predict.py), and the table of answers (rows.py)."""

from auto_train.serving.batch.inputs import Input, find_inputs
from auto_train.serving.batch.predict import Predicted, predict_all

__all__ = ["Input", "Predicted", "find_inputs", "predict_all"]
