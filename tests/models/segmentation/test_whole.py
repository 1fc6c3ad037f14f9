from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from auto_train.models.segmentation.whole import classes_at, segment_tiles


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("num_classes", [2, 4, 5, 11])
def test_classes_are_the_highest_of_the_enlarged_scores(num_classes: int):
    scores = torch.randn(2, num_classes, 8, 8, generator=generator())
    expected = F.interpolate(scores, (13, 21), mode="bilinear", align_corners=False).argmax(dim=1)
    found = classes_at(scores, 13, 21)
    assert found.dtype == torch.uint8 and torch.equal(found.long(), expected)
    assert torch.equal(classes_at(scores, 8, 8).long(), scores.argmax(dim=1))


def look(tiles: torch.Tensor) -> torch.Tensor:
    """Name a pixel by the mean of its 5 x 5 neighbours: what a network that sees 2 pixels around does."""
    grey = tiles.float().mean(dim=3)[:, None]
    padded = F.pad(grey, (2, 2, 2, 2), mode="replicate")
    return (F.avg_pool2d(padded, 5, stride=1)[:, 0] / 64).to(torch.uint8)


def photos(height: int, width: int, n: int = 2) -> torch.Tensor:
    from sklearn.datasets import load_sample_image

    photo = torch.from_numpy(load_sample_image("china.jpg").copy())
    return torch.stack([photo[50 * i : 50 * i + height, 90 * i : 90 * i + width] for i in range(n)])


@pytest.mark.parametrize("size", [(100, 130), (32, 32), (33, 57), (20, 90), (7, 5), (128, 32)])
@pytest.mark.parametrize("margin", [4, 2])
def test_tiles_answer_as_the_whole_image_does(size: tuple[int, int], margin: int):
    images = photos(*size)
    assert torch.equal(segment_tiles(images, 32, margin, look), look(images))


def test_tiles_are_taken_where_they_see_most():
    seen = []

    def note(tiles: torch.Tensor) -> torch.Tensor:
        seen.append(tiles)
        return torch.full(tiles.shape[:3], len(seen), dtype=torch.uint8)

    found = segment_tiles(torch.zeros(1, 32, 76, 3, dtype=torch.uint8), 32, 4, note)
    # Tiles begin at 0, 24 and 44, the last that fits; a neighbour answers for 4 pixels at a side.
    assert [int(column) for column in found[0, 0]] == [1] * 28 + [2] * 24 + [3] * 24
    assert len(seen) == 3 and (found == found[:, :1]).all()


class Net(nn.Module):
    def __init__(self, margin: int):
        super().__init__()
        self.margin, self.layer = margin, nn.Conv2d(3, 6, 5, padding=2, padding_mode="replicate")
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layer.reset_parameters()

    def see(self, tiles: torch.Tensor) -> torch.Tensor:
        return classes_at(self.layer(tiles.permute(0, 3, 1, 2).float() / 255), tiles.shape[1], tiles.shape[2])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return segment_tiles(images, 32, self.margin, self.see) if self.margin else self.see(images)


@pytest.mark.parametrize("margin", [0, 4])
def test_export_answers_as_torch_does_at_any_size(margin: int, tmp_path: Path):
    import onnxruntime

    net = Net(margin).eval()
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC}
    example = torch.zeros(2, 35, 37, 3, dtype=torch.uint8)
    with torch.no_grad():
        program = torch.onnx.export(
            net, (example,), dynamo=True, opset_version=18, input_names=["images"], dynamic_shapes={"images": free},
            verbose=False,
        )  # fmt: skip
    program.save(tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    for n, height, width in ((1, 100, 130), (2, 32, 32), (3, 20, 90), (1, 57, 64)):
        images = photos(height, width, n)
        with torch.no_grad():
            expected = net(images).numpy()
        found = session.run(None, {"images": images.numpy()})[0]
        assert found.dtype == np.uint8 and found.shape == (n, height, width)
        assert (found != expected).mean() < 1e-3
