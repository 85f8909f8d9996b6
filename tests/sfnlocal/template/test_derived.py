"""What is derived from an app is made once for it, and belongs to nobody else."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

from sfnlocal.template import App
from sfnlocal.template.resources import Resource


def _app(*types: str) -> App:
    resources = tuple(
        Resource("stack", f"R{number}", kind, f"stack/R{number}", "", "", {}, f"file#/{number}")
        for number, kind in enumerate(types)
    )
    return App(Path(), "aws", "eu-west-1", "123456789012", resources, (), (), {})


def _counted(app: App, first: int) -> list[int]:
    return [first + number for number, _ in enumerate(app.resources)]


def test_it_is_made_once_for_the_same_question() -> None:
    app = _app("AWS::SQS::Queue")
    assert app.derived(_counted, 1) == [1]
    assert app.derived(_counted, 1) is app.derived(_counted, 1)
    assert app.derived(_counted, 2) == [2]


def test_a_changed_app_derives_its_own() -> None:
    app = _app("AWS::SQS::Queue")
    [queue] = app.of_type("AWS::SQS::Queue")
    more = replace(app, resources=(queue, queue))
    assert (app.derived(_counted, 1), more.derived(_counted, 1)) == ([1], [1, 2])


def test_another_process_gets_the_app_without_it() -> None:
    app = _app("AWS::SQS::Queue")
    made = app.derived(_counted, 1)
    copied = pickle.loads(pickle.dumps(app))
    assert copied == app
    assert copied.derived(_counted, 1) is not made


def test_several_types_come_in_the_templates_order() -> None:
    app = _app("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket", "AWS::SQS::Queue")
    found = app.of_type("AWS::SNS::Topic", "AWS::SQS::Queue")
    assert [one.logical_id for one in found] == ["R0", "R1", "R3"]
