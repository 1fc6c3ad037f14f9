"""Durations for people."""


def as_duration(seconds: float) -> str:
    """Return a duration for a sentence: 34 ms, 0.12 s, 41 s, 2 min 5 s, 25 min, 3 h 12 min, 3 d 2 h."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds) < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        parts = {"d": hours // 24, "h": hours % 24}
    elif hours:
        parts = {"h": hours, "min": minutes}
    else:
        parts = {"min": minutes, "s": rest if minutes < 10 else 0}
    return " ".join(f"{count} {unit}" for unit, count in parts.items() if count)


def as_clock(seconds: float | None) -> str:
    """Return a duration for a column or for what is refreshed, of steady width: 0:07, 12:34, 1:02:03, 3 d 4 h."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return as_duration(seconds)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
