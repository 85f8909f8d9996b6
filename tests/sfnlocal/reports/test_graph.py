"""Pictures of state machines, and how their conditions are worded."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.language import compile_definition
from sfnlocal.reports.conditions import condition_text
from sfnlocal.reports.graph import mermaid

LAMBDA = "arn:aws:states:::lambda:invoke"
PAY = {
    "QueryLanguage": "JSONata",
    "StartAt": "Pay",
    "States": {
        "Pay": {
            "Type": "Task",
            "Resource": LAMBDA,
            "Arguments": {"FunctionName": "pay"},
            "Retry": [
                {"ErrorEquals": ["Busy", "Lambda.TooManyRequestsException"], "MaxAttempts": 6},
                {"ErrorEquals": ["Declined"], "MaxAttempts": 0},
            ],
            "Catch": [
                {"ErrorEquals": ["Declined"], "Next": "GiveBack"},
                {"ErrorEquals": ["Busy"], "Next": "Letter"},
                {"ErrorEquals": ["States.ALL"], "Next": "Letter"},
            ],
            "Next": "Paid",
        },
        "Paid": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input.a > 1 and 'x' = \"y\" %}", "Next": "Cool"}],
            "Default": "Ship",
        },
        "Cool": {"Type": "Wait", "Seconds": 5400, "Next": "Ship"},
        "Ship": {"Type": "Pass", "End": True},
        "GiveBack": {"Type": "Pass", "Next": "Rejected"},
        "Rejected": {"Type": "Succeed"},
        "Letter": {"Type": "Pass", "Next": "Failed"},
        "Failed": {"Type": "Fail"},
    },
}


def lines_of(definition: Any, machines: Any = None, *, details: bool = False) -> list[str]:
    return mermaid(compile_definition(definition), "Pay", machines, details=details).splitlines()


def test_shapes_say_the_type_and_labels_the_resource_the_retries_and_the_wait() -> None:
    lines = [line.strip() for line in lines_of(PAY)]
    assert lines[:2] == ["flowchart TD", 'subgraph n1["Pay"]']
    assert 'n4["Pay<br/>lambda:invoke<br/>retry: 1 class"]' in lines
    assert 'n5{"Paid"}' in lines
    assert 'n6{{"Cool<br/>1h 30m"}}' in lines
    assert 'n7("Ship")' in lines
    assert 'n9(["Rejected"])' in lines


def test_details_name_every_error_that_is_retried() -> None:
    retried = "6x Busy, Lambda.TooManyRequestsException"
    lines = [line.strip() for line in lines_of(PAY, details=True)]
    assert f'n4["Pay<br/>lambda:invoke<br/>retry {retried}"]' in lines


def test_the_start_leads_to_the_first_state_and_states_that_end_to_the_end() -> None:
    lines = [line.strip() for line in lines_of(PAY)]
    assert 'n2(("start"))' in lines
    assert "n2 --> n4" in lines
    assert 'n3(("end"))' in lines
    assert "n7 --> n3" in lines


def test_conditions_label_their_edges_and_are_escaped() -> None:
    lines = [line.strip() for line in lines_of(PAY)]
    assert "n5 -- \"$states.input.a #gt; 1 and 'x' = #quot;y#quot;\" --> n6" in lines
    assert 'n5 -- "default" --> n7' in lines


def test_catch_edges_are_dashed_red_and_one_for_each_target() -> None:
    lines = [line.strip() for line in lines_of(PAY)]
    edges = [line for line in lines if ("-->" in line or ".->" in line) and line[0] == "n"]
    assert 'n4 -. "Declined" .-> n8' in edges
    assert 'n4 -. "Busy, States.ALL" .-> n10' in edges
    dashed = ",".join(str(number) for number, edge in enumerate(edges) if ".->" in edge)
    assert f"linkStyle {dashed} stroke:#c0392b,color:#c0392b" in lines


def test_states_that_can_only_fail_and_states_that_only_errors_reach_are_marked() -> None:
    lines = [line.strip() for line in lines_of(PAY)]
    assert "class n10,n11 failure" in lines
    assert "class n8,n9 recovery" in lines


def test_a_machine_without_errors_has_no_error_styles() -> None:
    text = "\n".join(lines_of({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}))
    assert "classDef" not in text
    assert "linkStyle" not in text


def test_branches_and_iterations_are_boxes() -> None:
    inner = {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": True}}}
    other = {"StartAt": "Other", "States": {"Other": {"Type": "Pass", "End": True}}}
    lines = lines_of(
        {
            "StartAt": "Both",
            "States": {
                "Both": {"Type": "Parallel", "Branches": [inner, other], "Next": "Each"},
                "Each": {
                    "Type": "Map",
                    "ItemProcessor": {
                        "StartAt": "One",
                        "States": {"One": {"Type": "Pass", "End": True}},
                    },
                    "Retry": [{"ErrorEquals": ["States.ALL"]}],
                    "End": True,
                },
            },
        }
    )
    assert lines[3:16] == [
        '    subgraph n4["Both (Parallel)"]',
        '      subgraph n6["branch 1"]',
        '        n7("Inner")',
        "      end",
        '      subgraph n8["branch 2"]',
        '        n9("Other")',
        "      end",
        "    end",
        '    subgraph n5["Each (Map)<br/>retry: 1 class"]',
        '      n10("One")',
        "    end",
        '    n3(("end"))',
        "  end",
    ]


def test_state_machines_that_are_started_are_drawn_once() -> None:
    child_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:child"

    def starting(next_state: dict[str, Any]) -> dict[str, Any]:
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": {"StateMachineArn": child_arn},
            **next_state,
        }

    definition = {
        "StartAt": "One",
        "States": {"One": starting({"Next": "Two"}), "Two": starting({"End": True})},
    }
    child = compile_definition({"StartAt": "Leaf", "States": {"Leaf": {"Type": "Succeed"}}})
    lines = [line.strip() for line in lines_of(definition, {child_arn: ("Child", child)})]
    assert lines.count('subgraph n6["Child"]') == 1
    assert [line for line in lines if "==>" in line] == [
        'n4 == "starts" ==> n6',
        'n5 == "starts" ==> n6',
    ]
    assert not [line for line in lines_of(definition) if "==>" in line]


def test_a_state_machine_that_starts_itself_is_drawn() -> None:
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:again"
    program = compile_definition(
        {
            "StartAt": "Again",
            "States": {
                "Again": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::states:startExecution",
                    "Parameters": {"StateMachineArn": arn},
                    "End": True,
                }
            },
        }
    )
    text = mermaid(program, "Again", {arn: ("Again", program)})
    assert text.count('subgraph n5["Again"]') == 1


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({"Seconds": 90}, "1m 30s"),
        ({"SecondsPath": "$.pause"}, "$.pause seconds"),
        ({"Timestamp": "2026-01-02T09:00:00Z"}, "until 2026-01-02T09:00:00Z"),
        ({"TimestampPath": "$.at"}, "until $.at"),
    ],
)
def test_waits_are_labelled_with_their_end(fields: dict[str, Any], label: str) -> None:
    wait = {"Type": "Wait", "End": True, **fields}
    text = "\n".join(lines_of({"StartAt": "W", "States": {"W": wait}}))
    assert f'{{{{"W<br/>{label}"}}}}' in text


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"Condition": "{%\n  $x =\n 1 %}"}, "$x = 1"),
        ({"Condition": True}, "true"),
        ({"Variable": "$.a", "NumericGreaterThanEquals": 5}, "$.a >= 5"),
        ({"Variable": "$.a", "StringEquals": "b"}, '$.a = "b"'),
        ({"Variable": "$.a", "StringLessThanPath": "$.b"}, "$.a < $.b"),
        ({"Variable": "$.a", "StringMatches": "x*"}, '$.a matches "x*"'),
        ({"Variable": "$.a", "IsPresent": True}, "$.a is present"),
        ({"Variable": "$.a", "IsNull": False}, "$.a is not null"),
        ({"Not": {"Variable": "$.a", "IsNull": True}}, "not $.a is null"),
        (
            {
                "And": [
                    {"Variable": "$.a", "BooleanEquals": True},
                    {
                        "Or": [
                            {"Variable": "$.b", "NumericLessThan": 1},
                            {"Variable": "$.c", "TimestampGreaterThan": "2026-01-01T00:00:00Z"},
                        ]
                    },
                ],
                "Next": "X",
            },
            '$.a = true and ($.b < 1 or $.c > "2026-01-01T00:00:00Z")',
        ),
    ],
)
def test_choice_rules_are_worded(rule: dict[str, Any], text: str) -> None:
    assert condition_text(rule) == text
