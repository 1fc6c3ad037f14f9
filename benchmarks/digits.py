"""The fallback of configs/mnist.ini, without data and network: accuracy and wall time of what `make train` runs."""

from _measure import finish, train, verdict

# A name no mirror has, on an address nobody answers: what a machine without internet sees.
result, wall_s = train(
    "configs/mnist.ini",
    'project.data_source_url=["http://127.0.0.1:9/none.gz"]',
    "project.data_sha256=none",
    needs_mirror=False,
)
assert any("builtin:digits" in warning for warning in result["warnings"]), "the fallback was not used, or not said"
finish(
    verdict("digits valid accuracy", result["metrics"]["valid/accuracy"], 0.97),
    verdict("digits seconds, start to end", wall_s, 90, at_most=True),
)
