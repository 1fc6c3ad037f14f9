"""timm's models as lines of ``config/timm_models.txt``, from which lint knows them without torch.

For another version of timm, write it again:
``python -m auto_train.models.timm_list > auto_train/config/timm_models.txt``.
"""

import sys
from collections.abc import Iterator


def model_lines() -> Iterator[str]:
    """Yield the version, then each name that timm builds a model of, with its tags; ``-tag`` is without weights.

    A ``+`` behind the name: it has weights without a tag, too.
    """
    import timm
    from timm.models import _registry

    yield f"timm {timm.__version__}"
    for name in sorted(_registry._model_entrypoints):
        full = _registry._model_with_tags.get(name, [])
        tags = [one.partition(".")[2] for one in full if "." in one]
        marked = [tag if _has_weights(f"{name}.{tag}") else f"-{tag}" for tag in tags]
        yield " ".join([name, *(["+"] if _has_weights(name) else []), *marked])


def _has_weights(name: str) -> bool:
    import timm

    config = timm.get_pretrained_cfg(name)
    return bool(config and (config.hf_hub_id or config.url))


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in model_lines())
