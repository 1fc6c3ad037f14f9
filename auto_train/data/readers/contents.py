"""Words in files that may be large."""

from pathlib import Path

# Bytes that are read at once.
BLOCK = 2**22


def holds(path: Path, *words: str) -> bool:
    """Tell whether any of these words is in a file, which may be large."""
    wanted = [word.encode() for word in words]
    longest = max(map(len, wanted))
    end = b""
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                if any(word in end + block for word in wanted):
                    return True
                end = block[-longest:]
    except OSError:
        return False
    return False
