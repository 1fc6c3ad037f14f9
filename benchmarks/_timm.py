"""timm's own loader in a bare loop as one side of a race, in the program's precision.

    _timm.py data=FOLDER model=NAME px=N bs=N half=BOOL channels_last=BOOL

create_loader's defaults for training (random resized crop, flip, colour jitter) without the prefetcher, which is for
GPUs, and with as many worker processes as there are cores.
"""

import timm
import torch
from _turn import Turn, arguments, cuda_synchronize
from timm.data import create_dataset, create_loader
from torch.nn.functional import cross_entropy

from auto_train.cores import num_cores

given = arguments()
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
half, px = given["half"] == "True", int(given["px"])
layout = torch.channels_last if given["channels_last"] == "True" else torch.contiguous_format
loader = create_loader(
    create_dataset("", given["data"], split="train", is_training=True),
    input_size=(3, px, px),
    batch_size=int(given["bs"]),
    is_training=True,
    use_prefetcher=device.type == "cuda",
    num_workers=num_cores(),
    device=device,
)
model = timm.create_model(given["model"], num_classes=5).to(device, memory_format=layout).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
turn = Turn(cuda_synchronize)
while True:
    for images, targets in loader:
        images = images.to(device, memory_format=layout)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            outputs = model(images)
        cross_entropy(outputs.float(), targets.to(device)).backward()
        optimizer.step()
        optimizer.zero_grad()
        turn.step()
    turn.pause()
