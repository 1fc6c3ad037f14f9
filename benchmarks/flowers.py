"""450 flower photographs and a pretrained backbone, as configs/flowers.ini trains them on flowers_240."""

from _measure import finish, mirror, train, verdict

archive = mirror() / "flowers_240" / "flowers_240.tgz"
result, wall_s = train(
    "configs/flowers.ini",
    f"project.data_source_url={archive}",
    "project.data_sha256=none",
    "architecture.backbone.weights=mobilenetv2_100_int8src.safetensors",
    # what these weights were trained with; timm's own take ImageNet's
    "architecture.mean=[0.5,0.5,0.5]",
    "architecture.std=[0.5,0.5,0.5]",
    data=archive.with_suffix(""),
)
minutes = result["train_seconds"] / 60
finish(
    verdict("flowers valid accuracy", result["metrics"]["valid/accuracy"], 0.90),
    verdict("flowers minutes of training", minutes, 5, at_most=True, detail=f"process {wall_s:.0f} s"),
)
