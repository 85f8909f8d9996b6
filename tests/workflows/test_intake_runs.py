"""Form intake over HTTP: what is stored, what is refused and why, and what may be sent again.

Sources: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from lambdas.intake.form import FIELDS, UNKNOWN_FIELD, Submission
from lambdas.intake.logic.show_form import SAY_AGAIN, SAY_REFUSED, SAY_REUSED, SAY_WRONG
from lambdas.intake.logic.take_submission import WAIT_SECONDS
from sfnlocal.driver.mocks import Outcome
from sfnlocal.errors import ApiError, LostAnswerError, SfnLocalError
from sfnlocal.template import App
from sfnlocal.testing import CALL, Failure, LocalApp, load
from sfnlocal.triggers.http_messages import HttpResponse
from stacks.intake_stack import PROXY_TIMEOUT_SECONDS
from tests.workflows.accidents import Accidents

API = "IntakeApi"
BUSY = Failure("DynamoDB.ThrottlingException", "slow down")
FORM = "application/x-www-form-urlencoded"
ENTRIES = Submission(
    name="Ada Lovelace",
    email="ada@example.com",
    topic="order",
    message="Where is my order?\nIt is <late>.",
    consent=True,
)
PROBLEM = {field.name: field.problem for field in FIELDS}


@pytest.fixture(scope="module")
def desk(sfn_app: App) -> Iterator[LocalApp]:
    with load(sfn_app) as app:
        app.pause_schedules()
        yield app


@pytest.fixture(scope="module")
def gate(desk: LocalApp) -> Accidents:
    gate = Accidents()
    desk.session.aws.add_gate(gate)
    return gate


@pytest.fixture
def accidents(desk: LocalApp, gate: Accidents) -> Iterator[Accidents]:
    yield gate
    gate.end()
    desk.session.mocks.clear()
    # The route's burst is whole again.
    desk.advance(seconds=5)


@pytest.fixture
def key(request: pytest.FixtureRequest, accidents: Accidents) -> str:
    return hashlib.sha256(str(request.node.name).encode()).hexdigest()


def post(app: LocalApp, key: str, entries: object = ENTRIES, **options: Any) -> HttpResponse:
    headers = {"idempotency-key": key} if key else {}
    return app.request(
        "POST", "/submissions", api=API, headers=headers, **{"json": entries, **options}
    )


def post_form(app: LocalApp, key: str, **entries: object) -> HttpResponse:
    body = urlencode({"key": key, **entries})
    return app.request("POST", "/submissions", api=API, headers={"content-type": FORM}, body=body)


def stored(app: LocalApp) -> list[dict[str, Any]]:
    return app.items("Submissions")


def test_a_submission_is_stored_and_confirmed(desk: LocalApp, key: str) -> None:
    answered = post(desk, key)
    assert answered.status == 201
    reply = answered.json
    [item] = [one for one in stored(desk) if one["submissionId"] == reply["submissionId"]]
    assert item == {**reply, "entries": ENTRIES}
    assert answered.headers["cache-control"] == "no-store"


def test_the_same_submission_again_is_the_first_one(desk: LocalApp, key: str) -> None:
    first = post(desk, key)
    desk.advance(days=1)
    before = stored(desk)
    again = post(desk, key)
    assert (again.status, again.json) == (201, first.json)
    assert stored(desk) == before


def test_a_key_that_came_with_other_entries_changes_nothing(desk: LocalApp, key: str) -> None:
    post(desk, key)
    before = stored(desk)
    refused = post(desk, key, {**ENTRIES, "message": "Something else"})
    assert (refused.status, refused.json["error"]) == (422, "IdempotencyKeyReused")
    assert stored(desk) == before


BAD_ENTRIES: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "empty name": ({"name": ""}, {"name": PROBLEM["name"]}),
    "spaces for a name": ({"name": " \t\n"}, {"name": PROBLEM["name"]}),
    "number for a name": ({"name": 7}, {"name": PROBLEM["name"]}),
    "list for a name": ({"name": ["Ada"]}, {"name": PROBLEM["name"]}),
    "null for a name": ({"name": None}, {"name": PROBLEM["name"]}),
    "long name": ({"name": "x" * 101}, {"name": PROBLEM["name"]}),
    "e-mail without a dot": ({"email": "ada@example"}, {"email": PROBLEM["email"]}),
    "two e-mails": ({"email": "a@example.com b@example.com"}, {"email": PROBLEM["email"]}),
    "unknown topic": ({"topic": "weather"}, {"topic": PROBLEM["topic"]}),
    "long message": ({"message": "x" * 2001}, {"message": PROBLEM["message"]}),
    "no consent": ({"consent": False}, {"consent": PROBLEM["consent"]}),
    "consent as a text": ({"consent": "true"}, {"consent": PROBLEM["consent"]}),
    "what nobody asked": ({"admin": True}, {"admin": UNKNOWN_FIELD}),
    "several": (
        {"consent": False, "name": "", "age": 7, "sex": "?"},
        {
            "name": PROBLEM["name"],
            "consent": PROBLEM["consent"],
            "age": UNKNOWN_FIELD,
            "sex": UNKNOWN_FIELD,
        },
    ),
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_wrong_entries_are_named_by_their_path_and_not_stored(
    desk: LocalApp, key: str, name: str
) -> None:
    change, wrong = BAD_ENTRIES[name]
    before = stored(desk)
    refused = post(desk, key, {**ENTRIES, **change})
    assert refused.status == 422
    assert refused.json["error"] == "SubmissionInvalid"
    assert refused.json["problems"] == [
        {"field": field, "message": message} for field, message in wrong.items()
    ]
    assert stored(desk) == before


def test_nothing_filled_in_names_every_field_in_the_forms_order(desk: LocalApp, key: str) -> None:
    refused = post(desk, key, {})
    assert [one["field"] for one in refused.json["problems"]] == [field.name for field in FIELDS]


@pytest.mark.parametrize(
    "limits",
    [
        {"name": "x" * 100, "message": "\U0001f600" * 2000},
        {"message": " x ", "email": "a.b+c@d.e.example"},
        {"message": "{% $states.input %} \" ' \\ </script>"},
    ],
    ids=["longest", "unusual", "speaks JSONata"],
)
def test_what_fits_is_stored_as_it_came(
    desk: LocalApp, key: str, limits: dict[str, object]
) -> None:
    answered = post(desk, key, {**ENTRIES, **limits})
    assert answered.status == 201
    [item] = [one for one in stored(desk) if one["submissionId"] == answered.json["submissionId"]]
    assert item["entries"] == {**ENTRIES, **limits}


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no JSON": ({"json": None, "body": "{"}, 400, "BodyNotJson"),
    "a list": ({"entries": []}, 400, "SubmissionInvalid"),
    "no key": ({"key": ""}, 400, "IdempotencyKeyMissing"),
    "too large": ({"entries": {**ENTRIES, "message": "x" * 40_000}}, 413, "BodyTooLarge"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_submission_starts_nothing(desk: LocalApp, key: str, name: str) -> None:
    options, status, error = REFUSED[name]
    before = len(desk.executions("Intake"))
    refused = post(desk, **{"key": key, **options})
    assert (refused.status, refused.json["error"]) == (status, error)
    assert len(desk.executions("Intake")) == before


@pytest.mark.parametrize(
    "error",
    [
        ApiError("ThrottlingException", "Rate exceeded"),
        ApiError("InternalServerError", "broken", 500),
        LostAnswerError("nobody answered"),
    ],
    ids=lambda error: type(error).__name__ + getattr(error, "aws_code", ""),
)
def test_what_cannot_be_taken_now_is_taken_with_the_same_key_later(
    desk: LocalApp, key: str, accidents: Accidents, error: SfnLocalError
) -> None:
    accidents.happen("StartSyncExecution", error)
    busy = post(desk, key)
    assert (busy.status, busy.json["error"]) == (503, "TryAgain")
    assert int(busy.headers["retry-after"]) > 0
    accidents.end()
    assert post(desk, key).status == 201
    name = desk.executions("Intake")[-1].execution.name
    assert [one["submissionId"] for one in stored(desk)].count(name) == 1


def test_a_table_that_is_busy_for_moments_is_waited_for(desk: LocalApp, key: str) -> None:
    desk.mock("Intake", "Store", [BUSY, BUSY, CALL])
    began = desk.now
    assert post(desk, key).status == 201
    assert 0 < (desk.now - began).total_seconds() < 10


@pytest.mark.parametrize(
    "outcome", [BUSY, Failure("DynamoDB.ResourceNotFoundException", "no table")]
)
def test_a_table_that_stays_away_is_a_503_and_no_submission_is_lost(
    desk: LocalApp, key: str, outcome: Outcome
) -> None:
    desk.mock("Intake", "Store", [outcome])
    began = desk.now
    busy = post(desk, key)
    assert (busy.status, busy.headers["retry-after"]) == (503, "5")
    assert (desk.now - began).total_seconds() < 20
    desk.session.mocks.clear()
    assert post(desk, key).status == 201


def test_a_table_that_hangs_is_a_503_while_the_visitor_still_waits(
    desk: LocalApp, key: str
) -> None:
    desk.mock("Intake", "Store", [Failure("States.Timeout", "slow", elapsed_ms=60_000)])
    began = desk.now
    assert post(desk, key).status == 503
    assert (desk.now - began).total_seconds() < 20


def test_who_waits_gives_up_after_whom_it_waits_for(definitions: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""
    machine_s = definitions["Intake"]["TimeoutSeconds"]
    assert machine_s < WAIT_SECONDS < PROXY_TIMEOUT_SECONDS < 30


def test_too_many_at_once_are_told_so_by_the_api(desk: LocalApp, key: str) -> None:
    statuses = [post(desk, f"{key}-{number}").status for number in range(25)]
    assert statuses.index(429) == 20
    desk.advance(seconds=1)
    assert post(desk, f"{key}-24").status == 201


BAD_INPUTS: dict[str, object] = {
    "nothing": {},
    "no object": "hello",
    "another id": {"submissionId": "x", "entries": dict(ENTRIES)},
    "entries in a list": {"submissionId": "0" * 32, "entries": [dict(ENTRIES)]},
    "no entries": {"submissionId": "0" * 32},
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_a_start_without_the_front_is_checked_too(desk: LocalApp, name: str) -> None:
    before = stored(desk)
    run = desk.run("Intake", BAD_INPUTS[name])
    assert run.status == "SUCCEEDED"
    assert run.output["outcome"] == "INVALID"
    assert stored(desk) == before


# The page, and the form without its script


def page(answer: HttpResponse) -> str:
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


def fields_marked(text: str) -> list[str]:
    return re.findall(r'name="(\w+)" required[^>]*aria-invalid="true"', text)


def said(text: str) -> str:
    found = re.search(r'<p id="status"[^>]*>([^<]*)</p>', text)
    assert found
    return unescape(found[1])


def test_the_page_is_served_to_anybody_with_a_key_of_its_own(desk: LocalApp) -> None:
    answers = [desk.request("GET", "/", api=API) for _ in range(2)]
    assert {answer.status for answer in answers} == {200}
    keys = {re.findall(r'name="key" value="([^"]+)"', page(answer))[0] for answer in answers}
    assert len(keys) == 2
    assert answers[0].headers["cache-control"] == "no-store"


def test_the_page_allows_nothing_but_itself(desk: LocalApp) -> None:
    answer = desk.request("GET", "/", api=API)
    policy = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", page(answer), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert not re.findall(r'\son\w+=|style="|src="', page(answer))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_each_field_has_a_label_and_says_what_describes_it(desk: LocalApp) -> None:
    text = page(desk.request("GET", "/", api=API))
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for field in FIELDS:
        assert f'<label for="{field.name}">' in text
        [described] = re.findall(rf'id="{field.name}"[^>]*aria-describedby="([^"]+)"', text)
        assert set(described.split()) <= set(ids)
        assert f"{field.name}-problem" in described


def test_the_form_works_without_its_script(desk: LocalApp, key: str) -> None:
    as_sent = {"message": ENTRIES["message"].replace("\n", "\r\n"), "consent": "on"}
    answer = post_form(desk, key, **{**ENTRIES, **as_sent})
    assert answer.status == 201
    # With the script it is the same submission.
    assert post(desk, key).json["submissionId"] in page(answer)
    [item] = [one for one in stored(desk) if one["submissionId"] in page(answer)]
    assert item["entries"] == ENTRIES
    assert '<section id="done" aria-labelledby="done-title" >' in page(answer)


def test_without_its_script_the_page_comes_back_with_what_was_entered(
    desk: LocalApp, key: str
) -> None:
    entries = {"name": '"Ada" <b>', "email": "ada@example", "topic": "order", "message": "\nHi"}
    answer = post_form(desk, key, **entries)
    text = page(answer)
    assert answer.status == 422
    assert fields_marked(text) == ["email", "consent"]
    assert re.findall(r'name="(\w+)" required[^>]*autofocus', text) == ["email"]
    assert PROBLEM["email"] in text
    assert said(text) == SAY_WRONG
    assert 'value="&quot;Ada&quot; &lt;b&gt;"' in text
    assert '<option value="order" selected>' in text
    assert "\n\nHi</textarea>" in text
    assert f'name="key" value="{key}"' in text


def test_without_its_script_the_page_says_what_else_is_wrong(
    desk: LocalApp, key: str, accidents: Accidents
) -> None:
    entries = {**ENTRIES, "consent": "on"}
    accidents.happen("StartSyncExecution", ApiError("ThrottlingException", "Rate exceeded"))
    busy = post_form(desk, key, **entries)
    assert (busy.status, busy.headers["retry-after"]) == (503, "5")
    assert said(page(busy)) == SAY_AGAIN
    assert "Ada Lovelace" in page(busy)
    accidents.end()
    post(desk, key)
    reused = post_form(desk, key, **{**entries, "name": "Eve"})
    assert (reused.status, said(page(reused))) == (422, SAY_REUSED)
    large = post_form(desk, key, **{**entries, "message": "x" * 40_000})
    assert (large.status, said(page(large))) == (413, SAY_REFUSED)


def test_what_visitors_enter_is_in_no_log_of_the_machine(desk: LocalApp) -> None:
    [machine] = [
        one
        for one in desk.app.of_type("AWS::StepFunctions::StateMachine")
        if one.path.startswith("Intake/")
    ]
    assert machine.properties["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert json.dumps(ENTRIES["email"]) not in json.dumps(machine.properties)
