import httpx


def test_livez_answers(client: httpx.Client) -> None:
    assert client.get("/livez").json() == {"status": "alive"}


def test_readyz_names_model_task_and_engine(client: httpx.Client) -> None:
    assert client.get("/readyz").json() == {
        "status": "ready",
        "model": "colours",
        "task": "classification",
        "engine": "onnxruntime",
    }
