"""Run an ONNX export with onnxruntime on the CPU. Loads no torch."""

import json
from typing import TYPE_CHECKING, Any, Self

from auto_train.bundle.find import FoundModel
from auto_train.cores import num_cores
from auto_train.errors import BundleError
from auto_train.serving.engines.base import Metadata

if TYPE_CHECKING:
    import numpy as np

# Values of a batch above which memory is given back after the run: onnxruntime keeps it otherwise, 700 MB after one
# image of 50 megapixels. Giving it back costs time, so not for everyday images.
LARGE = 3 * 4_000_000


class OnnxRuntimeEngine:
    """One session, called from several threads."""

    rank, reads = 10, "onnx"

    def __init__(self, session: Any, metadata: Metadata):
        import onnxruntime

        self._session, self.metadata = session, metadata
        self._give_back = onnxruntime.RunOptions()
        self._give_back.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    @classmethod
    def can_run(cls, found: FoundModel) -> bool:
        return "onnx" in found.exports

    @classmethod
    def open(cls, found: FoundModel, *, trust_code: bool = False) -> Self:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        path, options = found.exports["onnx"], onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_cores()
        # Requests run side by side: a thread that spins while it waits takes the core another one needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except (state.Fail, state.InvalidProtobuf, state.InvalidGraph, state.NoSuchFile) as error:
            raise BundleError(
                f"onnxruntime cannot open the export: {error}", where=str(found.exports["onnx"])
            ) from error
        return cls(session, _metadata(session, found))

    def infer(self, images: "np.ndarray") -> "np.ndarray":
        options = self._give_back if images.size > LARGE else None
        answers: np.ndarray = self._session.run(None, {"images": images}, options)[0]
        return answers


def _metadata(session: Any, found: FoundModel) -> Metadata:
    facts = session.get_modelmeta().custom_metadata_map
    missing = {"task", "model", "labels"} - facts.keys()
    if missing:
        raise BundleError(
            f"the ONNX file says nothing of: {', '.join(sorted(missing))}",
            where=str(found.exports["onnx"]),
            hint="serve files that `train` exported",
        )
    return Metadata(
        task=facts["task"],
        name=facts["model"],
        labels=tuple(json.loads(facts["labels"])),
        facts=json.loads(facts.get("facts", "{}")),
        engine="onnxruntime",
        weights_sha256=facts.get("weights_sha256", ""),
    )
