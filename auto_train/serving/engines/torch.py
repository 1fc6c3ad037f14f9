"""Run a bundle with torch: where there is no export, or its weights were replaced."""

from typing import TYPE_CHECKING, Any, Self

from auto_train.bundle.find import FoundModel
from auto_train.cores import limit_torch_threads
from auto_train.serving.engines.base import Metadata

if TYPE_CHECKING:
    import numpy as np


class TorchEngine:
    """The bundle's InferenceModel on the CPU."""

    rank, reads = 100, None

    def __init__(self, model: Any, metadata: Metadata):
        self._model, self.metadata = model, metadata

    @classmethod
    def can_run(cls, found: FoundModel) -> bool:
        return found.bundle is not None

    @classmethod
    def open(cls, found: FoundModel, *, trust_code: bool = False) -> Self:
        from auto_train.bundle import load_bundle

        assert found.bundle is not None
        limit_torch_threads()
        bundle = load_bundle(found.bundle, trust_code=trust_code)
        if found.weights:
            from auto_train.models.state_dict import load_torch_model_weights_to

            load_torch_model_weights_to(bundle.model.network, found.weights, device="cpu")
        return cls(bundle.model, Metadata(**vars(bundle.model.described), engine="torch"))

    def infer(self, images: "np.ndarray") -> "np.ndarray":
        import torch

        with torch.inference_mode():
            answers: np.ndarray = self._model(torch.tensor(images)).numpy()  # copies: decoded pixels are read-only
        return answers
