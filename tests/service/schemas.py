"""Requests generated from the service's own description, most of them invalid."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

WORDS = ["", "a", "class 0", "\u0000", "\ud800", "\u202ex", "../../x", "<b>", "data:image/png;base64,AAAA", "a" * 300]
NUMBERS = st.sampled_from([0, -1, 1, 2**63, 10**400, -0.0, 1e-320, 1e9, 1e308, 1.5])
ODD = st.sampled_from(
    ["NaN", "Infinity", "-Infinity", "1e999", "[" * 2000, '{"a":', "\\u0000", "9" * 5000, '"\\ud800"']
)
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
ANY = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def of(schema: dict[str, Any], whole: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values of a JSON schema, one in eight of which are something else."""
    if "$ref" in schema:
        return of(whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]], whole)
    made: st.SearchStrategy[Any]
    if "anyOf" in schema:
        made = st.one_of([of(each, whole) for each in schema["anyOf"]])
    elif schema.get("type") == "object":
        fields = {name: of(each, whole) for name, each in schema.get("properties", {}).items()}
        # an object without fields is sent with one that it does not have, in part
        some = st.lists(st.sampled_from(sorted(fields) or ["label"]), max_size=3, unique=True)
        made = some.flatmap(lambda names: st.fixed_dictionaries({name: fields.get(name, ANY) for name in names}))
        made |= st.fixed_dictionaries(fields)
    elif schema.get("type") == "array":
        made = st.lists(of(schema["items"], whole), max_size=4)
    else:
        plain = {"number": NUMBERS, "integer": NUMBERS, "boolean": st.booleans(), "null": st.none()}
        made = plain.get(schema.get("type", ""), TEXTS)
    return st.integers(0, 7).flatmap(lambda die: ANY if not die else made)


def requests(whole: dict[str, Any]) -> st.SearchStrategy[tuple[str, str, bytes, str, dict[str, str]]]:
    """Return method, path, body, query and headers of requests to a service with this OpenAPI description."""
    own = {
        path: of(each["post"]["requestBody"]["content"]["application/json"]["schema"], whole)
        for path, each in whole["paths"].items()
        if "post" in each
    }
    posted = st.one_of([st.tuples(st.just("POST"), st.just(path), content.map(_json)) for path, content in own.items()])
    path = st.sampled_from([*whole["paths"], "/", "/static/app.js"]) | st.text(max_size=12).map(lambda text: f"/{text}")
    content = st.one_of(*own.values(), ANY).map(_json)
    spoilt = st.one_of(content, ODD.map(str.encode), st.tuples(content, ODD).map(_spliced), st.binary(max_size=40))
    method = st.sampled_from(
        ["POST", "POST", "GET", "GET", "GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"]
    )
    asked = st.one_of(posted, posted, st.tuples(method, path, spoilt), st.tuples(st.just("POST"), path, spoilt))
    values = st.one_of(st.sampled_from(["", "*", "0", "null", "application/json", "text/plain"]), st.text(max_size=12))
    names = st.sampled_from(
        [
            "host",
            "origin",
            "authorization",
            "content-type",
            "content-length",
            "accept",
            "if-none-match",
            "range",
            "cookie",
        ]
    )
    headers = st.just({}) | st.dictionaries(names, values, max_size=2)
    query = st.just("") | st.sampled_from(["label=a", "label=%00", "label=%ff", "label", "label=a&label=b"]) | TEXTS
    method = st.sampled_from(
        ["POST", "POST", "POST", "GET", "GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"]
    )
    return st.tuples(asked, query, headers).map(lambda parts: (*parts[0], *parts[1:]))


def _spliced(parts: tuple[bytes, str]) -> bytes:
    content, odd = parts
    return content.replace(b"1", odd.encode(), 1) if b"1" in content else content[:-1] + odd.encode()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
