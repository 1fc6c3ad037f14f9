import httpx
import pytest

from tests.api.conftest import Serving
from tests.api.pictures import picture


@pytest.mark.parametrize(
    ("method", "route", "status", "type"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/validate/", 405, "method_not_allowed"),
        ("DELETE", "/livez", 405, "method_not_allowed"),
    ],
)
def test_unknown_route_and_method_have_the_error_form(
    client: httpx.Client, method: str, route: str, status: int, type: str
) -> None:
    reply = client.request(method, route)
    assert reply.status_code == status
    assert reply.json()["error"]["type"] == type
    assert set(reply.json()["error"]) == {"type", "message", "hint"}


def test_bug_is_500_without_a_traceback(serving: Serving) -> None:
    def unforeseen(answer: object) -> object:
        return {1: object.__new__(type("Odd", (), {"__str__": lambda self: 1 / 0}))}

    with serving(postprocess=unforeseen) as client:
        reply = client.post("/validate/", files={"img": picture()})
    assert reply.status_code == 500
    assert reply.json()["error"] == {
        "type": "internal",
        "message": "a bug of ours; the server's log says more",
        "hint": "",
    }
