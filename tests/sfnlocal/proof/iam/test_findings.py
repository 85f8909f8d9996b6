"""What reports say of an app's permissions: missing, unused, wider, accepted; and the grants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.cli import main
from sfnlocal.errors import InputError
from sfnlocal.proof.iam.accepted import read_accepted, without_accepted
from sfnlocal.proof.iam.findings import Finding, findings
from sfnlocal.proof.iam.grants import missing_grant
from sfnlocal.proof.iam.records import merged_data, records_data
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.proof.iam.text import render_findings, render_refusals
from sfnlocal.template import find_resource, load_app
from tests.sfnlocal.proof.iam.apps import (
    ACCOUNT,
    QUEUE_ARN,
    QUEUE_URL,
    SEND,
    allow,
    function,
    machine,
    opened,
    queue,
    role,
    role_arn,
)

pytest_plugins = ("pytester",)
HERE = "app.template.json#/Resources/R/Properties/Policies/0/PolicyDocument/Statement"


def ran(folder: Path, *statements: Any) -> tuple[list[Finding], Any]:
    """The findings after a run of a state machine that sends a message."""
    resources = {
        "Q": queue(),
        "R": role("machine", "states", *statements),
        "M": machine({"Send": SEND}),
    }
    with opened(folder, resources) as app:
        app.run("M", {})
        assert app.iam is not None
        app.iam.check_implied()
        data = records_data(app.iam.records)
        return findings(data, app.iam.roles, app.iam.home), data


def said(found: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.kind, one.who, one.text) for one in found]


SENDS = allow("sqs:SendMessage", QUEUE_ARN)


def test_nothing_is_found_where_every_permission_is_needed(tmp_path: Path) -> None:
    found, _ = ran(tmp_path, SENDS)
    assert found == []
    assert render_findings(found) == "No finding: every permission is there, and none too many."


def test_a_missing_permission_comes_with_its_grant(tmp_path: Path) -> None:
    found, _ = ran(tmp_path)
    assert said(found) == [("missing", "R", f"sqs:SendMessage on Q ({QUEUE_ARN})")]
    assert found[0].hint == "q.grant_send_messages(r)"


def test_a_statement_that_allowed_nothing_is_unused(tmp_path: Path) -> None:
    found, _ = ran(tmp_path, SENDS, allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::b/*"))
    assert said(found) == [("unused", "R", "s3:GetObject, s3:PutObject on arn:aws:s3:::b/*")]
    assert found[0].where == f"{HERE}/1"


@pytest.mark.parametrize(
    ("statement", "texts"),
    [
        (
            allow(["sqs:SendMessage", "sqs:DeleteMessage"], QUEUE_ARN),
            ["sqs:DeleteMessage on Q: never used"],
        ),
        (allow("sqs:*", QUEUE_ARN), ["sqs:*: a wildcard"]),
        (
            allow("sqs:SendMessage", [QUEUE_ARN, f"{QUEUE_ARN}2"]),
            [f"sqs:SendMessage on {QUEUE_ARN}2: never used on it"],
        ),
        (allow("sqs:SendMessage", "*"), ["sqs:SendMessage on *: a wildcard"]),
        (
            allow("sqs:SendMessage", f"{QUEUE_ARN}*"),
            [f"sqs:SendMessage on {QUEUE_ARN}*: a wildcard"],
        ),
    ],
)
def test_what_is_wider_than_needed_is_named(
    tmp_path: Path, statement: Any, texts: list[str]
) -> None:
    found, _ = ran(tmp_path, statement)
    assert said(found) == [("wider", "R", text) for text in texts]


def test_a_statement_for_what_comes_and_goes_needs_its_wildcard(tmp_path: Path) -> None:
    code = """
import boto3
def handler(event, context):
    boto3.client("s3").put_object(Bucket="items", Key="in/" + event["key"], Body=b"")
"""
    resources = {
        "B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "items"}},
        "R": role("function", "lambda", allow("s3:PutObject", "arn:aws:s3:::items/in/*")),
        "F": function(code),
    }
    with opened(tmp_path, resources) as app:
        for key in ("a", "b"):
            app.session.functions.invoke("f", {"key": key}, now_ms=app.session.now_ms)
        assert app.iam is not None
        (record,) = records_data(app.iam.records)["records"]
        assert (record["resource"], record["count"]) == ("arn:aws:s3:::items/in/*", 2)
        assert findings(records_data(app.iam.records), app.iam.roles, app.iam.home) == []


def test_what_a_function_needs_for_its_logs_and_traces_is_checked(tmp_path: Path) -> None:
    statements = [
        allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]),
        allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]),
    ]
    for left, missing in ((statements, set()), (statements[:1], {"xray:PutTraceSegments"})):
        resources = {
            "R": role("function", "lambda", *left),
            "F": function("def handler(e, c): ...", TracingConfig={"Mode": "Active"}),
        }
        with opened(tmp_path, resources) as app:
            assert app.iam is not None
            app.iam.check_implied()
            refused = {one.action for one in app.iam.refusals}
            assert missing <= refused
            assert bool(refused) is bool(missing)


def test_records_of_several_runs_are_one(tmp_path: Path) -> None:
    wide = allow(["sqs:SendMessage", "sqs:DeleteMessage"], QUEUE_ARN)
    _, data = ran(tmp_path, wide)
    merged = merged_data([data, data])
    (record,) = merged["records"]
    assert record["count"] == 2 * data["records"][0]["count"]
    assert record["by"] == [f"{HERE}/0"]
    assert merged_data([merged]) == merged


def test_a_refusal_is_told_with_paths_and_grant(tmp_path: Path) -> None:
    resources = {"Q": queue(), "R": role("machine", "states"), "M": machine({"Send": SEND})}
    with opened(tmp_path, resources) as app:
        app.run("M", {})
        app.run("M", {})
        assert app.iam is not None
        lines = render_refusals(app.iam.refusals, app.iam.home)
    assert lines[0] == "R may not sqs:SendMessage on Q"
    assert lines[1].startswith(f"  User: arn:aws:sts::{ACCOUNT}:assumed-role/machine/M is not")
    assert lines[2:] == ["  grant: q.grant_send_messages(r)"]


@pytest.fixture(scope="module")
def home(deployed: Any) -> Home:
    return Home(deployed)


@pytest.mark.parametrize(
    ("action", "path", "grant"),
    [
        ("sqs:SendMessage", "Orders/InvoiceQueue", "invoice_queue.grant_send_messages(order_role)"),
        (
            "sqs:GetQueueUrl",
            "Orders/InvoiceQueue",
            'invoice_queue.grant(order_role, "sqs:GetQueueUrl")',
        ),
        ("dynamodb:PutItem", "Orders/Stock", 'stock.grant(order_role, "dynamodb:PutItem")'),
        (
            "lambda:InvokeFunction",
            "Orders/ChargePayment/Function",
            "charge_payment_function.grant_invoke(order_role)",
        ),
    ],
)
def test_a_grant_names_the_constructs(home: Home, action: str, path: str, grant: str) -> None:
    by_path = {one.path.removesuffix("/Resource"): one.arn for one in home.app.resources}
    role = by_path["Orders/Order/Role"]
    assert missing_grant(role, action, by_path[path], home) == grant


def test_what_has_no_grant_is_a_statement(home: Home) -> None:
    role = find_resource(home.app, "Orders/Order/Role", "AWS::IAM::Role").arn
    assert missing_grant(role, "ses:SendEmail", "*", home) == (
        "order_role.add_to_principal_policy("
        'iam.PolicyStatement(actions=["ses:SendEmail"], resources=["*"]))'
    )
    assert missing_grant(role, "cloudwatch:PutMetricData", "*", home) == (
        "cloudwatch.Metric.grant_put_metric_data(order_role)"
    )
    assert missing_grant("events.amazonaws.com", "ses:SendEmail", "*", home) == (
        "a resource policy for events.amazonaws.com that allows ses:SendEmail on *"
    )


# Accepted findings


FOUND = [Finding("unused", "A/Role", "sqs:SendMessage on Q"), Finding("wider", "B/Role", "x: y")]


def accepted(folder: Path, text: str) -> Path:
    path = folder / "accepted.toml"
    path.write_text(text)
    return path


def test_an_accepted_finding_has_a_reason(tmp_path: Path) -> None:
    text = '[[accepted]]\nfinding = "unused: A/*"\nreason = "only on AWS"\n'
    left, count = without_accepted(FOUND, read_accepted(accepted(tmp_path, text)))
    assert (left, count) == ([FOUND[1]], 1)


def test_one_that_is_not_found_any_more_is_a_finding(tmp_path: Path) -> None:
    text = '[[accepted]]\nfinding = "unused: C/*"\nreason = "once"\n'
    left, count = without_accepted(FOUND, read_accepted(accepted(tmp_path, text)))
    assert count == 0
    assert said(left)[2] == ("accepted", "the file", "unused: C/*")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[accepted]]\nfinding = "a"\n', "reason is missing"),
        ('[[accepted]]\nfinding = "a"\nreason = " "\n', "reason is missing"),
        ('[[accepted]]\nreason = "a"\n', "finding is missing"),
        ("accepted = [", "not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_accepted(accepted(tmp_path, text))


# The command and the pytest options


def test_the_command_shows_findings_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, data = ran(tmp_path, SENDS, allow("s3:*", "*"))
    records = tmp_path / "iam.json"
    records.write_text(json.dumps(data))
    app = ["--app", str(tmp_path / "app.template.json")]
    assert main(["iam", *app, "--records", str(records)]) == 1
    assert "Unused (1)\n  R\n    s3:* on *\n" in capsys.readouterr().out
    assert main(["iam", *app, "--records", str(records), "--format", "json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["key"] == "unused: R: s3:* on *"
    text = f'[[accepted]]\nfinding = "{finding["key"]}"\nreason = "for a test"\n'
    accept = ["--accept", str(accepted(tmp_path, text))]
    assert main(["iam", *app, "--records", str(records), *accept]) == 0
    assert "1 accepted with a reason." in capsys.readouterr().out


def test_the_command_without_records_checks_what_needs_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logging = {"Level": "ALL", "Destinations": []}
    resources = {
        "Q": queue(),
        "R": role("machine", "states", SENDS),
        "M": machine({"Send": SEND}, LoggingConfiguration=logging),
    }
    with opened(tmp_path, resources):
        pass
    app = ["--app", str(tmp_path / "app.template.json")]
    assert main(["iam", *app]) == 1
    out = capsys.readouterr().out
    assert "Missing (8)" in out
    assert "logs:CreateLogDelivery on *" in out
    assert "Unused" not in out


def test_a_run_says_what_was_not_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = {"Q": queue(), "R": role("machine", "states"), "M": machine({"Send": SEND})}
    with opened(tmp_path, resources):
        pass
    app = ["--app", str(tmp_path / "app.template.json")]
    assert main(["run", "M", *app]) == 1
    error = capsys.readouterr().err
    assert error.startswith("not allowed\n  R may not sqs:SendMessage on Q\n")
    assert "grant: q.grant_send_messages(r)" in error
    assert main(["run", "M", *app, "--no-iam"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), ("{", "not JSON"), ("{}", "no records of permissions")],
)
def test_records_that_are_none_are_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    records = tmp_path / "iam.json"
    if content is not None:
        records.write_text(content)
    assert main(["iam", "--records", str(records)]) == 2
    assert message in capsys.readouterr().err


TEST = """
def test_sends(sfn):
    sfn.run("M", {}).assert_succeeded()
"""


def project(pytester: pytest.Pytester, *statements: Any) -> list[str]:
    resources = {
        "Q": queue(),
        "R": role("machine", "states", *statements),
        "M": machine({"Send": SEND}),
    }
    pytester.path.joinpath("app.template.json").write_text(json.dumps({"Resources": resources}))
    pytester.makepyfile(TEST)
    return ["--sfn-app", "app.template.json", "-p", "no:cacheprovider"]


def test_a_failing_test_says_what_was_not_allowed(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(*project(pytester))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*sfnlocal: not allowed*", "R may not sqs:SendMessage on Q", "  grant: q.grant_send*"]
    )


def test_permissions_can_be_left_out(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(*project(pytester), "--sfn-no-iam")
    result.assert_outcomes(passed=1)


def test_what_tests_needed_is_written(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(*project(pytester, SENDS), "--sfn-iam-report", "iam.json")
    result.assert_outcomes(passed=1)
    (record,) = json.loads(pytester.path.joinpath("iam.json").read_text())["records"]
    assert (record["action"], record["principal"]) == ("sqs:SendMessage", role_arn("machine"))


def test_a_condition_key_can_be_given(pytester: pytest.Pytester) -> None:
    condition = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    arguments = project(pytester, {**SENDS, "Condition": condition})
    key = "aws:PrincipalOrgID=o-1"
    result = pytester.runpytest_inprocess(*arguments, "--sfn-iam-key", key)
    result.assert_outcomes(passed=1)


def test_the_url_of_a_queue_and_its_arn_are_one(tmp_path: Path) -> None:
    path = tmp_path / "a.template.json"
    path.write_text(json.dumps({"Resources": {"Q": queue()}}))
    home = Home(load_app(path))
    assert home.queue_arn(QUEUE_URL) == home.queue_arn("q") == home.queue_arn(QUEUE_ARN)
