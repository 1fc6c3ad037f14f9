"""Cells in microscope images of blood, as configs/blood-cells.ini trains a detector for them."""

from _measure import finish, mirror, train, verdict

archive = mirror() / "bccd" / "bccd.tgz"
result, wall_s = train("configs/blood-cells.ini", data=archive.with_suffix(""), below="BCCD")
metrics, minutes = result["metrics"], result["train_seconds"] / 60
found = ", ".join(f"{name} {metrics[f'test/{name}']:.4f}" for name in ("map_75", "precision", "recall"))
finish(
    verdict("blood cells test map_50", metrics["test/map_50"], 0.88, detail=found),
    verdict("blood cells test map_50_95", metrics["test/map_50_95"], 0.55),
    verdict("blood cells minutes of training", minutes, 15, at_most=True, detail=f"process {wall_s:.0f} s"),
)
