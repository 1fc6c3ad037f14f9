"""Task: the base of every recipe. It makes data, model and learner from a config; a recipe says what differs."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from auto_train import registry
from auto_train.answers import find_form
from auto_train.bundle import load_bundle
from auto_train.bundle.find import find_for_config
from auto_train.common.loaders import eval_loader, train_loader
from auto_train.common.optimize import create_optimizer
from auto_train.common.precision import precision_choices
from auto_train.common.read_data import check_known, fetch_data, read_data
from auto_train.common.user_loaders import get_normalisation
from auto_train.config import AttrDict, Config, load_config
from auto_train.data import Samples, Source, decode_image, evaluation_hash, find_weights
from auto_train.data.inspect.facts import Facts
from auto_train.data.pixels.loader import TargetRows
from auto_train.errors import TaskContractError
from auto_train.models.backbone import default_split, find_starting_weights, normalisation, zero_last_linear
from auto_train.models.inference import InferenceModel
from auto_train.models.state_dict import load_torch_model_weights_to
from auto_train.proposal.backbone import Weights
from auto_train.proposal.choice import Choice
from auto_train.proposal.machine import Machine
from auto_train.proposal.propose import propose
from auto_train.runs.tables import read_manifest
from auto_train.training.learner import Learner
from auto_train.training.precision import choose_precision
from auto_train.training.rng import seed_everything
from auto_train.training.step import explain_batch_norm
from auto_train.training.task import qTaskBase
from auto_train.training.workers.distributed import is_main, main_first, on_main
from auto_train.types import Listener

# Below this many training images the statistics a pretrained body brings are better than what batches would give.
FEW_IMAGES = 10_000


class Task(qTaskBase):
    """Everything a recipe shares: config, data, model, dataloaders, learner.

    A recipe defines ``inference_class``, ``targets``, the loss and metric hooks of qTaskBase, and ``evaluate``; where
    targets lie in the image ``move`` too, which does to them what the augmentation did to the pixels, and ``picture``,
    which draws an answer on an image; ``has_grey_edges`` where what is mirrored in at an edge would have no target.

    Args:
        config: a Config, the path of an INI, or None for the one the environment variable CONFIG names.
        inference_only: open no training data; the model is the trained one of output_path.
        listener: told about downloads, the pixel store and training.
        offline: touch no network.
        earlier: splits by sha256 of the run that is resumed; none: looked for in the runs of the project.

    Attributes:
        config: the checked config.
        samples: the data as one table with a split for every row (training only).
        examination: what the data doctor found in it.
        inference: the InferenceModel whose ``network`` is ``model``.
        model: ``nn.Sequential(body, head)``.
        dls: fastai DataLoaders (training only).
        learn: the Learner.
        measured: the split that is being measured; ``calibrate`` has seen the answers of valid.
        warnings: what the user should know.
    """

    inference_class: ClassVar[type[InferenceModel]]
    report_score: ClassVar[tuple[str, str]] = ("score", "max")
    move: ClassVar[Any] = None  # a Move of loaders.py
    has_grey_edges: ClassVar[bool] = False
    picture: Callable[[Any, np.ndarray], np.ndarray] | None = None
    eval_needs_loss = True

    def __init__(
        self,
        config: Config | Path | str | None = None,
        inference_only: bool = False,
        *,
        listener: Listener | None = None,
        offline: bool = False,
        earlier: Mapping[str, str] | None = None,
    ):
        super().__init__()
        self.config = self.get_config(config)
        self.earlier = earlier
        self.listener, self.offline = listener if is_main() else None, offline
        self.warnings: list[str] = []
        self.measured = ""
        self.user_dls: Any = None
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if inference_only:
            self._restore()
        else:
            self._prepare()

    def _prepare(self) -> None:
        # First what can be missing at once; data may take minutes to fetch and check.
        create_optimizer(self.config)
        find_form(self.config.recipe.name)
        with main_first():
            weights = self.find_backbone_weights()
            self.samples = self.read_data(for_training=is_main())
        self.labels = self.samples.labels
        seed_everything(self.config.training.seed)
        self.inference = self.build_model(weights)
        self.model = self.inference.network.to(self.device)
        self.inference.to(self.device)
        with main_first():
            self.dls = self.get_dataloaders()
        self.learn = self.make_learner()

    def _restore(self) -> None:
        """Take labels, preprocessing and weights from the bundle the last training left."""
        found = find_for_config(self.config)
        self.warnings += found.warnings
        assert found.bundle is not None  # only an .onnx file named by path has none
        self.bundle = load_bundle(found.bundle, trust_code=True)
        # The bundle brought its own copy of the functions along; the INI's are the ones to use.
        registry.load_functions(self.config.recipe, self.config.project.custom_functions)
        self.inference = self.bundle.model
        if found.weights:
            load_torch_model_weights_to(self.inference.network, found.weights)
        self.labels, self.model = self.inference.labels, self.inference.network
        self.learn = Learner(_NoData(), self.model, task=self, loss_func=nn.Identity())

    @staticmethod
    def get_config(config: Config | Path | str | None) -> Config:
        """Return the config, loaded from a path or from the file CONFIG names."""
        return config if isinstance(config, Config) else load_config(config)

    def parse_config(self) -> AttrDict:
        """Return the config with every function section replaced by what its function returns (F2.5)."""
        return self.config.resolve_all()

    # Data

    def download_data(self) -> Source:
        """Fetch ``project.data_source_url`` if ``training.dir`` does not exist, and say where the data came from."""
        source = fetch_data(self.config, listener=self.listener, offline=self.offline)
        if source.warning:
            self.warnings.append(source.warning)
        return source

    def read_data(self, frozen: Mapping[str, str] | None = None, *, for_training: bool = False) -> Samples:
        """Return the samples with a split for every row, from the folders or from the INI's load_function.

        Args:
            frozen: splits by path that an earlier run has drawn.
            for_training: let the data doctor make every check.
        """
        self.source = self.download_data()
        read = read_data(
            self.config,
            self.source,
            frozen=frozen,
            earlier=self.earlier,
            for_training=for_training,
            listener=self.listener,
        )
        self.user_dls, self.examination = read.dls, read.examination
        self.warnings += [*read.samples.warnings, *filter(None, [read.examination.summary])]
        return read.samples

    # Model

    def find_backbone_weights(self) -> Path | None:
        """Return the file of the weights the backbone starts from, fetched if need be; None for random ones."""
        name = self.weights_name
        return find_weights(name, offline=self.offline) if name else None

    @property
    def weights_name(self) -> str | None:
        """What the backbone's weights are called: a file, a URL or a hub name; None for random ones."""
        return find_starting_weights(self.config.architecture.backbone)

    def build_model(self, weights: Path | None = None) -> InferenceModel:
        """Return the InferenceModel around a network whose backbone has these weights, or random ones."""
        config = self.config
        backbone, head = config.architecture.backbone, self._function("architecture.head", "head")
        mean, std = get_normalisation(self.user_dls) if self.user_dls else normalisation(backbone.model)
        if head and backbone.drop_rate:
            self.warnings.append("[architecture.backbone] drop_rate has no effect with a head of your own")
        arguments = config.get("architecture.backbone.args", {})
        spec = {"arch": backbone.model, "stem": backbone.stem, "drop_rate": backbone.drop_rate, **arguments}
        inference = self.inference_class(
            task=config.project.type,
            name=config.project.name,
            labels=self.labels,
            backbone=spec,
            head=head,
            preprocess=self._function("training.preprocess", "preprocess_function"),
            image_size=config.architecture.image_size,
            mean=self.config.architecture.mean or list(mean),
            std=self.config.architecture.std or list(std),
            **self.inference_arguments(),
        )
        if weights:
            inference.network = inference.build_network(spec, head, weights)
        zero_last_linear(inference.network[1])
        self._check_features(inference.network[0])
        return inference

    def inference_arguments(self) -> dict[str, Any]:
        """Return what the recipe's InferenceModel takes beyond the common arguments."""
        return {}

    def open_split(self, split: str) -> None:
        """Read the data for an evaluation of the trained model.

        Raises:
            DataError: the split has no images, or images of classes the model does not know.
        """
        manifest = self.bundle.folder.resolve().parent / "manifest.csv"
        frozen = None
        if manifest.is_file():
            rows = read_manifest(manifest)
            frozen = dict(zip(rows["path"], rows["split"], strict=True))
        if self.inference.image_size != (stated := self.config.architecture.image_size):
            self.warnings.append(
                f"the model sees images at {self.inference.image_size} px, as it was trained; "
                f"[architecture] image_size = {stated} is for the next training"
            )
        self.samples = self.read_data(frozen)
        if evaluation_hash(self.samples) != self.bundle.facts.get("evaluation_hash"):
            self.warnings.append(
                "these are not the images that the trained model was measured on: the data has changed"
            )
        check_known(self.samples.of(split), self.labels, split)

    @property
    def freeze_bn(self) -> bool:
        """Whether batch-norm statistics stay as they are: by choice, or for pretrained bodies and few images."""
        choice = self.config.training.scheme.freeze_bn
        if choice != "auto":
            return bool(choice)
        return self.is_pretrained and len(self.samples.of("train")) < FEW_IMAGES

    @property
    def is_pretrained(self) -> bool:
        """Whether the body starts from learnt weights."""
        backbone = self.config.architecture.backbone
        return bool(backbone.pretrained or backbone.weights)

    def _check_features(self, body: Any) -> None:
        stated = self.config.architecture.backbone.vector_size
        if stated is not None and stated != (found := body.num_features):
            raise TaskContractError(
                f"'{self.config.architecture.backbone.model}' gives {found} features, not {stated}",
                where="[architecture.backbone] vector_size",
                hint=f"write vector_size = {found}, or leave the key out",
            )

    def _function(self, section: str, kind: str) -> dict[str, Any] | None:
        """Return the section where it names a function of this kind."""
        found = self.config.get(section, {})
        return found.to_dict() if f"@{kind}" in found else None

    # Learner

    def get_dataloaders(self) -> Any:
        """Return fastai DataLoaders over the pixel stores of the training and validation splits."""
        from fastai.data.core import DataLoaders

        if self.user_dls:
            return self.user_dls
        train = train_loader(self, self.samples.of("train"), **self.train_options())
        return DataLoaders(train, eval_loader(self, self.samples.of("valid")), device=self.device)

    def make_learner(self) -> Learner:
        """Return the Learner, its precision chosen as the INI says."""
        scheme = self.config.training.scheme
        model = self.inference.network.to(self.device)
        images, _ = self.dls.train.one_batch()
        with explain_batch_norm():
            precision = on_main(lambda: choose_precision(model, images, **precision_choices(self.config)))
        return Learner(
            self.dls,
            model,
            task=self,
            loss_func=self.loss_func,
            splitter=default_split,
            optimizer=create_optimizer(self.config),
            weight_decay=scheme.weight_decay,
            precision=precision,
            accumulate=scheme.accumulate,
            clip_grad=scheme.clip_grad,
            freeze_bn=self.freeze_bn,
            ema_decay=scheme.ema_decay,
        )

    # What `init` writes

    @classmethod
    def propose(cls, facts: Facts, machine: Machine, weights: Weights) -> list[Choice]:
        """Return what an INI should say for this data on this machine, with the reasons."""
        return propose(facts, machine, weights)

    # What a recipe defines

    @property
    def loss_func(self) -> nn.Module:
        """The loss, called with the network's outputs in float32 and the targets."""
        raise NotImplementedError

    def train_options(self) -> dict[str, Any]:
        """Return what train_loader should do beyond the common augmentation: mix, weights."""
        return {}

    def targets(self, samples: Samples) -> TargetRows:
        """Return one target per sample, (N,) or (N, …), or what gives those of some positions."""
        raise NotImplementedError

    def keep_outputs(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return what an evaluation keeps of the outputs of a batch, (B, …) on the CPU: as little as it needs."""
        return outputs.float().cpu()

    def keep_targets(self, targets: torch.Tensor) -> torch.Tensor:
        """Return what an evaluation keeps of the targets of a batch, (B, …)."""
        return targets

    def final(self, inference: InferenceModel, kept: torch.Tensor) -> torch.Tensor:
        """Return the final answers of a split from what was kept of it."""
        return inference.answers(kept)

    def evaluate(self, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        """Return the metrics of one split from the InferenceModel's answers."""
        raise NotImplementedError

    def calibrate(self, inference: InferenceModel, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Set what is learnt from the validation split after training: a temperature, thresholds."""

    def report_rows(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, np.ndarray]:
        """Return what a report shall know of each image of a split, (N,) or (N, …) by name; see docs/recipes.md."""
        return {}

    def report_parts(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> list[dict[str, Any]]:
        """Return further sections of a report of a split, as data; see docs/recipes.md."""
        return []

    def decode(self, outputs: torch.Tensor) -> tuple[str, torch.Tensor, torch.Tensor]:
        """Return (answer, decoded tensor, probabilities) of the network's outputs (1, …)."""
        raise NotImplementedError

    def predict(self, image: Path | str | bytes | np.ndarray) -> tuple[str, torch.Tensor, torch.Tensor]:
        """Return fastai's triple for one image: a path, a file's bytes or (H, W, 3) uint8."""
        pixels = (
            image if isinstance(image, np.ndarray) else decode_image(image if isinstance(image, bytes) else Path(image))
        )
        was_training = self.model.training
        self.model.eval()
        with torch.no_grad():
            batch = torch.from_numpy(pixels)[None].to(next(self.model.parameters()).device)
            outputs = self.model(self.inference.prepare(batch)).float().cpu()
        self.model.train(was_training)
        return self.decode(outputs)


class _NoData:
    """Dataloaders of a task without data."""

    device = torch.device("cpu")
    path = Path()
