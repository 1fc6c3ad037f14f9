"""Several data-parallel workers of the program as one side of a race, started as torchrun starts them.

_workers.py N --config=INI [section.key=value …]
"""

import os
import subprocess
import sys
from pathlib import Path

from _turn import LINK

program = [sys.executable, str(Path(__file__).with_name("_program.py")), *sys.argv[2:]]
meeting = Path(os.environ["AUTO_TRAIN_CACHE"]) / f"meeting-{os.getpid()}"
for rank in range(int(sys.argv[1]) - 1, -1, -1):
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": sys.argv[1], "LOCAL_WORLD_SIZE": sys.argv[1]}
    env = os.environ | {name: str(value) for name, value in places.items()} | {"AUTO_TRAIN_RENDEZVOUS": str(meeting)}
    if rank:
        subprocess.Popen(program, env={name: value for name, value in env.items() if name != LINK})
    else:
        os.execve(program[0], program, env)
