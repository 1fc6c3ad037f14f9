import numpy as np
import pytest
import torch
from PIL import Image

from auto_train.data.pixels.resize import resize_image, resize_images


def real_photo(name: str = "china.jpg") -> np.ndarray:
    from sklearn.datasets import load_sample_image

    return load_sample_image(name).copy()


def test_resize_agrees_with_pillow_to_one_grey_level():
    photo = real_photo()
    ours = resize_images(torch.from_numpy(photo)[None], 96)[0].permute(1, 2, 0)
    # Pillow's BILINEAR is the same antialiased triangle filter, computed in fixed point.
    theirs = np.array(Image.fromarray(photo).resize((96, 96), Image.Resampling.BILINEAR), dtype=np.float32)
    assert np.abs(ours.numpy() - theirs).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (7, 300), (427, 640)])
def test_resize_any_shape_gives_whole_levels_in_range(shape: tuple[int, int]):
    images = torch.randint(0, 256, (2, *shape, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    resized = resize_images(images, 28)
    assert resized.shape == (2, 3, 28, 28) and resized.dtype == torch.float32
    assert torch.equal(resized, resized.round()) and resized.min() >= 0 and resized.max() <= 255


def test_resize_to_the_same_side_changes_nothing():
    photo = torch.from_numpy(real_photo()[:64, :64].copy())[None]
    assert torch.equal(resize_images(photo, 64), photo.permute(0, 3, 1, 2).float())


def test_resize_alone_and_in_a_batch_gives_the_same_pixels():
    photos = torch.from_numpy(np.stack([real_photo("china.jpg"), real_photo("flower.jpg")]))
    together = resize_images(photos, 56)
    assert all(torch.equal(together[i], resize_images(photos[i : i + 1], 56)[0]) for i in range(2))


def test_resize_computes_the_same_pixels_in_another_runtime(tmp_path):
    """Sizes whose exact results lie on rounding boundaries (8, 14), extreme ones, and both directions."""
    import onnxruntime

    class Resize(torch.nn.Module):
        def forward(self, images):
            return resize_images(images, 28)

    free = torch.export.Dim.DYNAMIC
    example = torch.zeros(2, 31, 33, 3, dtype=torch.uint8)
    program = torch.onnx.export(
        Resize().eval(),
        (example,),
        dynamo=True,
        opset_version=18,
        input_names=["images"],
        dynamic_shapes={"images": {0: free, 1: free, 2: free}},
        verbose=False,
    )
    program.save(tmp_path / "resize.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "resize.onnx")
    random = np.random.default_rng(0)
    for height, width in [(8, 8), (14, 56), (1, 1), (7, 300), (28, 28), (181, 240), (240, 239), (1500, 2000)]:
        images = random.integers(0, 256, (1, height, width, 3), dtype=np.uint8)
        (theirs,) = session.run(None, {"images": images})
        assert np.array_equal(theirs, resize_images(torch.from_numpy(images), 28).numpy()), (height, width)


@pytest.mark.parametrize(("height", "width"), [(3, 5), (3001, 4003)])
def test_resize_keeps_an_even_image_even(height: int, width: int):
    white = torch.full((1, height, width, 3), 255, dtype=torch.uint8)
    assert torch.equal(resize_images(white, 28), torch.full((1, 3, 28, 28), 255.0))


@pytest.mark.parametrize("side", [8, 28, 64, 224])
def test_resize_of_one_image_gives_exactly_the_pixels_of_the_batch(side: int):
    """Sizes below and above the side, multiples of it, and any."""
    random = np.random.default_rng(side)
    sizes = [(1, 1), (side, side), (2 * side, side), (side + 1, 3 * side), (240, 181), (427, 640)]
    for height, width in sizes + [tuple(random.integers(1, 500, 2)) for _ in range(20)]:
        image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        expected = resize_images(torch.from_numpy(image)[None], side)[0].permute(1, 2, 0)
        found = resize_image(image, side)
        assert found.dtype == np.uint8 and np.array_equal(found, expected.numpy()), (height, width)


def test_resize_of_one_image_takes_views():
    photo = real_photo()
    view = photo[::-1, 100:400]
    assert np.array_equal(resize_image(view, 20), resize_image(view.copy(), 20))
