import httpx
import pytest

from auto_train.api.pages.docs import describe_routes


def test_docs_show_every_route_of_the_description(site: httpx.Client):
    text = site.get("/docs").text
    paths = site.get("/openapi.json").json()["paths"]
    assert "/validate/" in paths and "/ui/runs" not in paths
    for path in paths:
        assert f"<code>{path}</code>" in text
    assert f"curl -F img=@FILE {str(site.base_url).rstrip('/')}/validate/" in text
    assert "Predict the image in field img" in text


def test_docs_ask_for_the_key_in_examples_where_there_are_keys(site: httpx.Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "sesame")
    text = site.get("/docs").text
    assert "curl -H &#39;X-API-Key: KEY&#39; -F img=@FILE" in text
    assert "sesame" not in text


def test_docs_describe_parameters_bodies_and_methods():
    schema = {
        "paths": {
            "/jobs/{number}": {
                "delete": {
                    "parameters": [{"name": "number", "in": "path", "schema": {"type": "integer"}}],
                    "responses": {"200": {"description": "OK"}},
                }
            },
            "/train/": {
                "post": {
                    "requestBody": {
                        "content": {"application/json": {"schema": {"properties": {"overrides": {"type": "object"}}}}}
                    },
                    "responses": {"202": {"description": "Accepted"}},
                }
            },
        }
    }
    delete, post = describe_routes(schema, "http://here")
    assert delete.example == "curl -X DELETE http://here/jobs/{number}"
    assert delete.fields == (("number", "path", "integer"),)
    assert post.example == "curl -H 'Content-Type: application/json' -d '{}' http://here/train/"
    assert post.fields == (("overrides", "JSON body", "object"),)
