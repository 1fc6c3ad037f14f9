"""Under load: the event loop stays free, and what does not fit is refused."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.api.conftest import Serving
from tests.api.pictures import picture


def slow(answer: dict[str, Any]) -> dict[str, Any]:
    time.sleep(0.4)
    return answer


def test_livez_answers_while_predictions_run(serving: Serving) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def held(answer: dict[str, Any]) -> dict[str, Any]:
        begun.release()
        go_on.wait(60)
        return answer

    with serving("serve.workers=2", postprocess=held) as client, ThreadPoolExecutor(8) as pool:
        running = [pool.submit(client.post, "/validate/", files={"img": picture()}) for _ in range(8)]
        try:
            assert begun.acquire(timeout=60) and begun.acquire(timeout=60)  # both workers are busy
            for _ in range(5):
                assert client.get("/livez").status_code == 200
            assert not any(reply.done() for reply in running)
        finally:
            go_on.set()
        assert {reply.result().status_code for reply in running} == {200}


def test_request_above_the_queue_is_429_with_retry_after(serving: Serving) -> None:
    with serving("serve.workers=1", "serve.queue=2", postprocess=slow) as client, ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda _: client.post("/validate/", files={"img": picture()}), range(10)))
        codes = [reply.status_code for reply in replies]
        assert codes.count(200) == 3
        assert codes.count(429) == 7
        refused = next(reply for reply in replies if reply.status_code == 429)
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["type"] == "queue_full"
        # and the places are free again
        assert client.post("/validate/", files={"img": picture()}).status_code == 200


def test_many_clients_get_their_own_answers(client: httpx.Client) -> None:
    colours = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}

    def ask(name: str) -> bool:
        return client.post("/validate/", files={"img": picture(colours[name])}).json()["prediction"] == name

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(ask, list(colours) * 20))
