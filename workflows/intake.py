"""The Intake machine: a submission of the form is checked and stored, and the answer says which.

Express, and started synchronously: a visitor waits for it. Its net is the caller: whatever fails
is answered 503 by the front, the page sends the same again, and the submission's id lets the table
take it once. Wrong entries are an answer, no failure.
https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
"""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.intake.form import FIELDS, UNKNOWN_FIELD, Choice, Consent, Text
from lambdas.intake.payloads import INVALID, KEY_REUSED, STORED, SUBMISSION_ID
from workflows.attribute_values import text
from workflows.durations import timeout
from workflows.jsonata import EXECUTION_INPUT, is_true, jsonata
from workflows.machine import express_machine
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, RetryClass, retry

# Who waits is told to come again sooner than a batch would be.
MACHINE_TIME_OUT = cdk.Duration.seconds(20)
TASK_TIME_OUT = timeout(4)
SHORT_FAULTS = RetryClass(
    DYNAMODB_FAULTS.errors, interval_seconds=1, max_attempts=3, max_delay_seconds=3
)
SHORT_TIME_OUTS = RetryClass(
    TIME_OUTS.errors, interval_seconds=1, max_attempts=1, max_delay_seconds=2
)
SUBMISSION = f"{EXECUTION_INPUT}.submissionId"
ENTRIES = f"{EXECUTION_INPUT}.entries"
BAD_ID = "The id has 32 hexadecimal digits."
KEY_TAKEN = "DynamoDB.ConditionalCheckFailedException"


class Intake(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        submissions: dynamodb.ITable,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)

        check = sfn.Pass.jsonata(
            self,
            "Check",
            assign={"problems": jsonata(problems())},
        )
        is_valid = sfn.Choice.jsonata(self, "IsValid")

        # The first one decides; the same entries again are the same submission.
        store = tasks.DynamoUpdateItem.jsonata(
            self,
            "Store",
            table=submissions,
            key={"submissionId": text(jsonata(SUBMISSION))},
            update_expression=(
                "SET entries = :entries, receivedAt = if_not_exists(receivedAt, :receivedAt)"
            ),
            condition_expression="attribute_not_exists(submissionId) OR entries = :entries",
            expression_attribute_values={
                ":entries": tasks.DynamoAttributeValue.from_map(
                    {field.name: _stored(field) for field in FIELDS}
                ),
                ":receivedAt": text(jsonata("$states.context.Execution.StartTime")),
            },
            return_values=tasks.DynamoReturnValues.ALL_NEW,
            task_timeout=TASK_TIME_OUT,
            outputs={
                "outcome": STORED,
                "submissionId": jsonata(SUBMISSION),
                "receivedAt": jsonata("$states.result.Attributes.receivedAt.S"),
            },
        )
        retry(store, SHORT_FAULTS, SHORT_TIME_OUTS)
        stored = sfn.Succeed.jsonata(self, "Stored")
        key_reused = sfn.Succeed.jsonata(
            self, "KeyReused", outputs={"outcome": KEY_REUSED, "submissionId": jsonata(SUBMISSION)}
        )
        invalid = sfn.Succeed.jsonata(
            self,
            "Invalid",
            outputs={
                "outcome": INVALID,
                "problems": jsonata("$problems"),
            },
        )

        store.add_catch(key_reused, errors=[KEY_TAKEN])
        story = check.next(
            is_valid.when(is_true("$count($problems) = 0"), store.next(stored)).otherwise(invalid)
        )

        # Visitors' entries stay out of the log.
        self.machine = express_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
            logs_data=False,
        )


def problems() -> str:
    """JSONata: what does not fit of the execution's input, as a list of Problem."""
    checks = [
        _unless(f"{_matches(SUBMISSION, SUBMISSION_ID)}", "submissionId", BAD_ID),
        *(
            _unless(_fits(field, f"$given.{field.name}"), field.name, field.problem)
            for field in FIELDS
        ),
    ]
    known = json.dumps([field.name for field in FIELDS])
    return f"""(
        $given := $type({ENTRIES}) = 'object' ? {ENTRIES} : {{}};
        $unknown := $keys($given)[$not($ in {known})];
        [{", ".join(checks)}, $unknown.{{"field": $, "message": {json.dumps(UNKNOWN_FIELD)}}}]
    )"""


def _unless(fits: str, field: str, message: str) -> str:
    return f"{fits} ? [] : {json.dumps({'field': field, 'message': message})}"


def _matches(value: str, pattern: str) -> str:
    return f"$type({value}) = 'string' ? $contains({value}, /{pattern}/)"


def _fits(field: Text | Choice | Consent, entry: str) -> str:
    """JSONata: whether the entry is what the field asks for; nothing where there is none."""
    match field:
        case Consent():
            return f"{entry} = true"
        case Choice():
            return f"{entry} in {json.dumps(list(field.options))}"
        case Text():
            is_short = f"$length({entry}) <= {field.characters_max}"
            return f"({_matches(entry, field.pattern)} and {is_short})"


def _stored(field: Text | Choice | Consent) -> tasks.DynamoAttributeValue:
    """Only a consent that is given gets this far."""
    if isinstance(field, Consent):
        return tasks.DynamoAttributeValue.from_boolean(True)
    return text(jsonata(f"{ENTRIES}.{field.name}"))
