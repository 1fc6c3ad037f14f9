import asyncio
from collections.abc import AsyncIterator

import pytest

from auto_train.api.form import find_boundary, read_files
from auto_train.errors import RequestError


def part(disposition: str, data: bytes, more: str = "") -> bytes:
    return f"--B\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n".encode() + data + b"\r\n"


END = b"--B--\r\n"
FILE = part('name="img"; filename="a"', b"one")


def read(body: bytes, step: int = 0) -> list[bytes | RequestError]:
    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step or max(len(body), 1)):
            yield body[start : start + (step or len(body))]

    return asyncio.run(read_files(parts(), b"B", field="img", max_files=3, hint="send it right"))


@pytest.mark.parametrize("step", [0, 1, 7])
def test_files_come_in_order_however_the_body_is_cut(step: int) -> None:
    data = b"\r\n--not the boundary\r\n--Bx\r" * 3
    body = FILE + part('name="other"; filename="b"', b"-") + part('name=img; filename=""', data, "X-Y: z\r\n") + END
    assert read(body, step) == [b"one", data]


@pytest.mark.parametrize(
    "disposition",
    [
        "name=\"img\"; filename*=utf-8''%C3%B6.png",
        "name=\"img\"; FileName* = utf-8''a.png",
        "filename*=utf-8''a.png; name=img",
        'name="img"; filename*0="a"; filename*1="b"',
        'NAME="img"; FILENAME="a"',
    ],
)
def test_every_form_of_a_file_name_makes_a_file(disposition: str) -> None:
    assert read(part(disposition, b"one") + END) == [b"one"]


@pytest.mark.parametrize("disposition", ['name="img"', 'name="img"; note="; filename*=a"'])
def test_part_that_is_not_a_file_has_an_error_in_its_place(disposition: str) -> None:
    first, second, third = read(FILE + part(disposition, b"two") + FILE + END)
    assert first == third == b"one"
    assert isinstance(second, RequestError)
    assert (second.http_status, second.type) == (422, "bad_field") and "part 2" in second.message


@pytest.mark.parametrize(
    "body",
    [b"", FILE, FILE[:-5], FILE + b"--B", FILE + b"--B-", FILE[:30], b"nonsense", part("x=y", b"") + END, FILE * 2],
)
def test_form_that_is_cut_off_or_damaged_is_refused(body: bytes) -> None:
    for step in (0, 1):
        with pytest.raises(RequestError) as refused:
            read(body, step)
        assert (refused.value.http_status, refused.value.type) == (400, "malformed")


def test_more_files_than_allowed_are_413_and_more_parts_400() -> None:
    with pytest.raises(RequestError) as refused:
        read(FILE * 4 + END)
    assert refused.value.http_status == 413
    with pytest.raises(RequestError) as refused:
        read(part('name="other"', b"") * 1001 + END)
    assert refused.value.http_status == 400


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=b", b"b"),
        ('Multipart/Form-Data; Boundary="b c"', b"b c"),
        ("multipart/form-data", b""),
        ("multipart/mixed; boundary=b", None),
        ("application/json", None),
        ("", None),
    ],
)
def test_boundary_is_that_of_the_type_in_any_case(content_type: str, boundary: bytes | None) -> None:
    assert find_boundary(content_type) == boundary
