"""MNIST as configs/mnist.ini trains it: test accuracy, minutes of training, time to 0.99."""

from _measure import finish, train, verdict

result, wall_s = train("configs/mnist.ini")
epochs = [row for row in result["rows"] if "epoch" in row]
elapsed, to_99 = 0.0, float("nan")
for row in epochs:
    elapsed += row["seconds"]
    if row["valid/accuracy"] >= 0.99:
        to_99 = elapsed
        break
minutes = result["train_seconds"] / 60
speed = f"{len(epochs)} epochs, {epochs[-1]['images_per_s']:.0f} images/s"
detail = f"{speed}, valid 0.99 after {to_99:.0f} s, process {wall_s:.0f} s"
finish(
    verdict("mnist test accuracy", result["metrics"]["test/accuracy"], 0.995, detail=detail),
    verdict("mnist minutes of training", minutes, 15, at_most=True),
)
