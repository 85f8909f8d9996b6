"""Parameter mapping: where a value comes from, and what is made of a request or response.

A value is a selection (`$request.body.order.id`), a text with selections in `${...}`, or itself.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sfnlocal.errors import InputError
from sfnlocal.jsontext import json_text
from sfnlocal.language.jsonpath import PathMissing, PathSyntaxError, compile_path
from sfnlocal.ports import Json
from sfnlocal.triggers.http_messages import HttpResponse

# A path looks at so much of the body.
_BODY_BYTES_MAX = 100 * 1024
_ROOTS = ("$request.", "$context.", "$stageVariables.", "$response.")
_TEMPLATE = re.compile(r"\$\{([^}]*)\}")
_REQUEST_KEY = re.compile(
    r"(append|overwrite|remove):(header|querystring)\.(.+)|overwrite:path()()()"
)
_RESPONSE_KEY = re.compile(r"(append|overwrite|remove):header\.(.+)|overwrite:statuscode()()")
_RESERVED = re.compile(
    r"access-control-.*|apigw-.*|authorization|connection|content-encoding|content-length"
    r"|content-location|forwarded|keep-alive|origin|proxy-authenticate|proxy-authorization|te"
    r"|trailers|transfer-encoding|upgrade|x-amz-.*|x-amzn-.*|x-forwarded-for|x-forwarded-host"
    r"|x-forwarded-proto|via",
    re.IGNORECASE,
)


class Unresolved(ValueError):  # noqa: N818 - API Gateway's word
    """The request has nothing where a mapping looks."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What mappings can see. `path` is without the stage; `context` is nested; bodies are text."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, list[str]] = field(default_factory=dict)
    path: str = "/"
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    context: Mapping[str, Json] = field(default_factory=dict)
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    response: HttpResponse | None = None

    def value(self, source: str) -> str:
        """Raises Unresolved."""
        if source.startswith(_ROOTS) or source in ("$request.body", "$request.path"):
            return self._selected(source)
        return _TEMPLATE.sub(lambda match: self._selected("$" + match[1].removeprefix("$")), source)

    def _selected(self, selection: str) -> str:
        root, _, rest = selection.partition(".")
        kind, _, name = rest.partition(".")
        found: str | None = None
        match root, kind:
            case "$request", "header":
                found = self.headers.get(name.lower())
            case "$request", "querystring":
                values = self.query.get(name)
                found = None if values is None else ",".join(values)
            case "$request", "path":
                found = self.path_parameters.get(name) if name else self.path
            case "$request", "body":
                found = _of_body(self.body, name)
            case "$response", "header" if self.response is not None:
                found = self.response.headers.get(name.lower())
            case "$response", "body" if self.response is not None:
                found = _of_body(self.response.body, name)
            case "$stageVariables", _:
                found = self.stage_variables.get(rest)
            case "$context", _:
                found = _of_context(self.context, rest)
        if found is None:
            raise Unresolved(selection)
        return found


def _of_body(body: bytes, path: str) -> str | None:
    if not path:
        return body.decode(errors="replace") or None
    if len(body) > _BODY_BYTES_MAX:
        return None  # what is cut off there is no JSON any more
    try:
        found = compile_path(f"$.{path}").get(json.loads(body))
    except (ValueError, PathMissing, PathSyntaxError, RecursionError):
        return None
    return _text(found)


def _of_context(context: Mapping[str, Json], path: str) -> str | None:
    found: Json = context
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return None if isinstance(found, Mapping) else _text(found)


def _text(value: Json) -> str | None:
    """As a parameter has it: a text is itself, anything else its JSON text."""
    if value is None:
        return None
    return value if isinstance(value, str) else json_text(value)


# Mappings of a Lambda proxy's request, and of any response


def check_request_mapping(mapping: Mapping[str, str], where: str) -> None:
    for key in mapping:
        _check(key, _REQUEST_KEY.fullmatch(key), 3, where)


def check_response_mapping(mapping: Mapping[str, str], where: str) -> None:
    for key in mapping:
        _check(key, _RESPONSE_KEY.fullmatch(key), 2, where)


def _check(key: str, match: re.Match[str] | None, name_group: int, where: str) -> None:
    if match is None:
        raise InputError(
            f"{key!r} is nothing that a parameter mapping can change",
            where=where,
            hint="append|overwrite|remove:header.NAME, ...:querystring.NAME, overwrite:path or "
            "overwrite:statuscode",
        )
    if "header." in key and _RESERVED.fullmatch(match[name_group] or ""):
        raise InputError(f"the header {match[name_group]} is reserved", where=where)


def changed_request(
    mapping: Mapping[str, str], scope: Scope
) -> tuple[Mapping[str, str], Mapping[str, list[str]], str | None]:
    """Headers, query string and the path that replaces the request's, if one does."""
    headers = dict(scope.headers)
    query = {name: list(values) for name, values in scope.query.items()}
    path: str | None = None
    for key, source in mapping.items():
        match = _REQUEST_KEY.fullmatch(key)
        assert match is not None
        verb, kind, name = match[1], match[2], match[3]
        value = None if verb == "remove" else _value_or_none(scope, source)
        if verb is None:
            path = value or path
        elif kind == "header":
            _change_header(headers, verb, name.lower(), value)
        elif verb == "remove":
            query.pop(name, None)
        elif value is not None:
            query[name] = [*query.get(name, []), value] if verb == "append" else [value]
    return headers, query, path


def changed_response(
    mapping: Mapping[str, str], scope: Scope, response: HttpResponse
) -> HttpResponse:
    """The response with the mapping for its status carried out."""
    seen = replace(scope, response=response)
    headers, status = dict(response.headers), response.status
    for key, source in mapping.items():
        match = _RESPONSE_KEY.fullmatch(key)
        assert match is not None
        value = None if match[1] == "remove" else _value_or_none(seen, source)
        if match[1] is not None:
            _change_header(headers, match[1], match[2].lower(), value)
        elif value is not None and value.isdecimal() and 200 <= int(value) <= 599:
            status = int(value)
    return replace(response, headers=headers, status=status)


def _value_or_none(scope: Scope, source: str) -> str | None:
    try:
        return scope.value(source)
    except Unresolved:
        return None


def _change_header(headers: dict[str, str], verb: str, name: str, value: str | None) -> None:
    if verb == "remove":
        headers.pop(name, None)
    elif value is not None:
        appended = verb == "append" and name in headers
        headers[name] = f"{headers[name]},{value}" if appended else value
