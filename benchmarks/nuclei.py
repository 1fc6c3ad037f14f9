"""Nuclei in microscope images, as configs/nuclei.ini trains a U-Net for them."""

from _measure import finish, mirror, train, verdict

archive = mirror() / "nuclei_256" / "nuclei_256.tgz"
result, wall_s = train("configs/nuclei.ini", data=archive.with_suffix(""))
minutes = result["train_seconds"] / 60
found = ", ".join(f"{name} {result['metrics'][f'valid/{name}']:.4f}" for name in ("miou", "pixel_accuracy"))
finish(
    verdict("nuclei valid dice", result["metrics"]["valid/dice"], 0.90, detail=found),
    verdict("nuclei minutes of training", minutes, 15, at_most=True, detail=f"process {wall_s:.0f} s"),
)
