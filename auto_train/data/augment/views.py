"""What was drawn for the images of a batch, done to their pixels.

One sampling serves flip, rotation, zoom, shift, shear and crop together, one product per pixel all colours.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

GREY = 0.5


@dataclass(frozen=True, kw_only=True)
class Views:
    """Views of the N images of a batch; None for what shall not change.

    Attributes:
        side: height and width of the views.
        matrices: (N, 2, 3) from output to input coordinates, both in [-1, 1].
        mirrored: (N,) bool; with matrices they hold the flips.
        colours: (3, N) factors of brightness, contrast and saturation.
        boxes: (N, 4) first and end row, first and end column to grey out.
        has_grey_edges: what lies beyond an image is grey; else it is the image mirrored, with all that is in it.
    """

    side: int
    matrices: torch.Tensor | None = None
    mirrored: torch.Tensor | None = None
    colours: torch.Tensor | None = None
    boxes: torch.Tensor | None = None
    has_grey_edges: bool = False

    def __call__(self, images: torch.Tensor, rows: slice = slice(None)) -> torch.Tensor:
        """Return views of some images of the batch.

        Args:
            images: (n, C, H, W) uint8, RGB or grey.
            rows: which of the batch they are; by default all of them.

        Returns:
            (n, C, side, side) float32 in [0, 1], in memory of its own.
        """
        if self.mirrored is not None:
            images = _mirror(images, self.mirrored[rows])
        views = images.float().div_(255)
        if self.matrices is not None:
            views = _sample(views, self.matrices[rows], self.side, has_grey_edges=self.has_grey_edges)
        if self.colours is not None:
            views = _change_colours(views, self.colours[:, rows])
        if self.boxes is not None:
            _erase(views, self.boxes[rows])
        return views


def view_matrices(
    angle: torch.Tensor, shear: torch.Tensor, zoom: torch.Tensor, centre: torch.Tensor, size: torch.Tensor
) -> torch.Tensor:
    """Return (N, 2, 3) matrices from coordinates in a view to those in the image, both in [-1, 1].

    The view is a window into the image turned, sheared and zoomed around its middle. Source: the order of torchvision's
    RandomAffine followed by RandomResizedCrop.

    Args:
        angle, shear: (N,) degrees.
        zoom: (N,) above 1 for larger.
        centre: (2, N) x and y of the window's middle.
        size: (2, N) width and height of the window, 1 for that of the image, a negative width for a mirrored view.
    """
    turned, sheared, zero = torch.deg2rad(angle), torch.tan(torch.deg2rad(shear)), torch.zeros_like(angle)
    cos, sin = torch.cos(turned) / zoom, torch.sin(turned) / zoom
    affine = torch.stack([cos + sheared * sin, sheared * cos - sin, sin, cos], dim=1).view(-1, 2, 2)
    window = torch.stack([size[0], zero, centre[0], zero, size[1], centre[1]], dim=1).view(-1, 2, 3)
    return affine @ window


def sampling_grid(matrices: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return what F.affine_grid does with align_corners=False, (N, height, width, 2), ten times faster."""
    x = (2 * torch.arange(width, device=matrices.device) + 1) / width - 1
    y = (2 * torch.arange(height, device=matrices.device) + 1) / height - 1
    along, across, centre = (matrices[:, :, i, None, None] for i in range(3))
    return (along * x + centre + across * y[:, None]).permute(0, 2, 3, 1)


def grey_weights(images: torch.Tensor) -> torch.Tensor:
    """Return how much each channel of (N, C, H, W) images adds to grey: ITU-R BT.601 for RGB, (C,)."""
    weights = [0.299, 0.587, 0.114] if images.shape[1] == 3 else [1.0]
    return torch.tensor(weights, device=images.device, dtype=images.dtype)


def luminance(images: torch.Tensor) -> torch.Tensor:
    """Return (N, 1, H, W) grey images."""
    return torch.einsum("nchw,c->nhw", images, grey_weights(images))[:, None]


def _mirror(images: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
    rows = images.permute(0, 2, 3, 1)
    # Whole images are picked faster by number than pixels by a mask.
    numbers = torch.arange(len(images)) + len(images) * mirrored
    return torch.cat([rows, rows.flip(2)]).index_select(0, numbers.to(images.device)).permute(0, 3, 1, 2)


def _sample(images: torch.Tensor, matrices: torch.Tensor, side: int, *, has_grey_edges: bool) -> torch.Tensor:
    grid = sampling_grid(matrices.to(images.device), side, side)
    if has_grey_edges:  # zeros are what torch can fill with
        return F.grid_sample(images.sub_(GREY), grid, mode="bilinear", align_corners=False).add_(GREY)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _change_colours(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Change saturation, then contrast, then brightness: each is linear."""
    brightness, contrast, saturation = factors.to(images.device)[:, :, None, None]
    n, channels, height, width = images.shape
    weights = grey_weights(images)
    product = saturation * torch.eye(channels, device=images.device) + (1 - saturation) * weights
    mean = (images.mean(dim=(2, 3)) @ weights)[:, None, None]
    constant = (brightness * (1 - contrast) * mean).expand(n, channels, 1)
    changed = torch.baddbmm(constant, brightness * contrast * product, images.flatten(2))
    return changed.clamp_(0, 1).view(n, channels, height, width)


def _erase(images: torch.Tensor, boxes: torch.Tensor) -> None:
    for image, (first_row, end_row, first_column, end_column) in zip(images, boxes.tolist(), strict=True):
        if end_row > first_row:
            mean = image.mean(dim=(1, 2))[:, None, None]
            image[:, first_row:end_row, first_column:end_column] = mean
