"""A user's own small CNN, known to timm by name: four convolutions of stride 2, as in fastai's course on MNIST."""

from timm.models import register_model
from torch import Tensor, nn


class SmallCNN(nn.Module):
    """Four times convolution, batch norm, ReLU; each halves the side and doubles the channels from 16 on."""

    def __init__(self, num_classes: int = 10, in_chans: int = 3):
        super().__init__()
        layers: list[nn.Module] = []
        for channels in (16, 32, 64, 128):
            layers += [nn.Conv2d(in_chans, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(True)]
            in_chans = channels
        self.layers, self.num_features = nn.Sequential(*layers), in_chans
        self.fc = nn.Linear(in_chans, num_classes) if num_classes else nn.Identity()

    def forward_features(self, images: Tensor) -> Tensor:
        """Map (N, 3, S, S) to (N, 128, S/16, S/16)."""
        return self.layers(images)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.forward_features(images).mean(dim=(2, 3)))


@register_model
def small_cnn(pretrained: bool = False, **kwargs: object) -> SmallCNN:
    """Return the network; there are no pretrained weights."""
    kwargs = {name: value for name, value in kwargs.items() if name in ("num_classes", "in_chans")}
    return SmallCNN(**kwargs)  # type: ignore[arg-type]
