"""The Report machine: one account's report, asked for, waited for, fetched and sent as messages.

It speaks JSONPath. What it knows stands in variables, the execution's input stays as it came. The
provider takes minutes, so the machine waits: first as long as the account is large, then longer
each time it finds the report not ready. What came is sent in batches, and of a batch only what
SQS did not take is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.report.payloads import FetchRequest, Location, ReportRequest, TakeBatchEvent
from workflows.dead_letter import DeadLetterStore
from workflows.durations import timeout
from workflows.function import ThinFunction
from workflows.jsonpath import EXECUTION_ARN, EXECUTION_NAME, is_number, is_text, value_at
from workflows.jsonpath_net import JsonPathNet
from workflows.lambda_task import json_path_lambda_task
from workflows.machine import standard_machine
from workflows.queue import Queue
from workflows.retry_policy import SQS_SDK_FAULTS, TIME_OUTS, retry, transient

# The account's size is in minutes: what JSONPath can count with are the places of an array.
MINUTES_MAX = 10
WAIT_BY_SIZE = f"States.ArrayRange(60, {60 * MINUTES_MAX}, 60)"

# Pauses after a fetch that came too early: about an hour and a half in all.
PAUSES_SECONDS = (60, 120, 240, 480, 960, 1800, 1800)
RESEND_PAUSES_SECONDS = (2, 10, 60)

# All waits, and an outage of some minutes at each of the tasks.
MACHINE_TIME_OUT = cdk.Duration.hours(4)
PROVIDER_TIMEOUT_SECONDS = 30

REPORTS_FOLDER = "reports"


class Report(Construct):
    """`provider` has the two actions of lambdas/report/payloads.py, `files` takes its reports."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        provider: lambda_.IFunction,
        take_batch: ThinFunction,
        files: s3.IBucket,
        messages: Queue,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        net = JsonPathNet(self, "DeadLetter", store=dead_letters)

        how_large = sfn.Choice(
            self,
            "HowLarge",
            assign=_first_wait(
                value_at(f"States.ArrayGetItem({WAIT_BY_SIZE}, States.MathAdd($.account.size, -1))")
            ),
        )

        request_report = json_path_lambda_task(
            self,
            "RequestReport",
            function=provider,
            function_timeout_seconds=PROVIDER_TIMEOUT_SECONDS,
            event=ReportRequest(
                action="request",
                requestKey=value_at("States.Format('{}/{}', $.account.accountId, $.scheduledTime)"),
                accountId=value_at("$.account.accountId"),
                size=value_at("$.account.size"),
                deliverTo=Location(
                    bucket=files.bucket_name,
                    key=value_at(f"States.Format('{REPORTS_FOLDER}/{{}}.json', {EXECUTION_NAME})"),
                ),
            ),
            retries=(transient("ReportProviderUnavailable"),),
            assign={"reportId": value_at("$.Payload.reportId")},
        )

        wait_for_report = sfn.Wait(
            self, "WaitForReport", time=sfn.WaitTime.seconds_path("$waitSeconds")
        )

        fetch_report = json_path_lambda_task(
            self,
            "FetchReport",
            function=provider,
            function_timeout_seconds=PROVIDER_TIMEOUT_SECONDS,
            event=FetchRequest(action="fetch", reportId=value_at("$reportId")),
            retries=(transient("ReportProviderUnavailable"),),
            assign={"answer": value_at("$.Payload")},
        )

        is_ready = sfn.Choice(self, "IsReady")

        take_batch_task = json_path_lambda_task(
            self,
            "TakeBatch",
            function=take_batch.function,
            function_timeout_seconds=take_batch.timeout_seconds,
            event=TakeBatchEvent(
                executionArn=value_at(EXECUTION_ARN),
                accountId=value_at("$.account.accountId"),
                location=value_at("$answer.location"),
                number=value_at("$batchesTaken"),
            ),
            assign={
                "batch": value_at("$.Payload.entries"),
                "batches": value_at("$.Payload.batches"),
                "messages": value_at("$.Payload.messages"),
                "batchesTaken": value_at("States.MathAdd($batchesTaken, 1)"),
                "resends": 0,
            },
        )

        send_batch = _send(self, "SendBatch", queue=messages, entries="$batch")

        what_is_left = sfn.Choice(self, "WhatIsLeft")

        # An entry's Id is its place in the batch.
        keep_refused = sfn.Map(
            self,
            "KeepRefused",
            items_path="$.sent.Failed",
            item_selector={"place": value_at("States.StringToJson($$.Map.Item.Value.Id)")},
            result_path=sfn.JsonPath.DISCARD,
            assign={"refused": value_at("$")},
        ).item_processor(
            sfn.Pass(
                self,
                "PickEntry",
                parameters={"entry": value_at("States.ArrayGetItem($batch, $.place)")},
                output_path="$.entry",
            )
        )
        wait_to_resend = sfn.Wait(
            self, "WaitToResend", time=sfn.WaitTime.seconds_path("$resendSeconds")
        )
        resend_refused = _send(self, "ResendRefused", queue=messages, entries="$refused")

        sent = sfn.Pass(
            self,
            "Sent",
            parameters={
                "accountId": value_at("$.account.accountId"),
                "scheduledTime": value_at("$.scheduledTime"),
                "reportId": value_at("$reportId"),
                "messages": value_at("$messages"),
                "batches": value_at("$batches"),
            },
        )

        input_incomplete = net.dead_end(
            "InputIncomplete",
            error="ReportInputInvalid",
            cause="'scheduledTime, account.accountId and account.size are needed'",
        )
        never_ready = net.dead_end(
            "NeverReady",
            error="ReportNeverReady",
            cause=f"$reportId & ' is not ready after {len(PAUSES_SECONDS) + 1} fetches'",
        )
        not_made = net.dead_end(
            "NotMade", error="ReportNotMade", cause="'the provider answered ' & $string($answer)"
        )
        messages_gone = net.dead_end(
            "MessagesGone",
            error="ReportInvalid",
            cause="'the report has become empty after batch ' & $string($batchesTaken)",
        )
        not_all_sent = net.dead_end(
            "NotAllSent",
            error="MessagesRefused",
            cause="'SQS refused ' & $string($states.input.sent.Failed)",
        )

        # Empty from the start is an outcome; after a batch it is not.
        was_it_ever_full = sfn.Choice(self, "WasItEverFull")
        was_it_ever_full.when(
            sfn.Condition.number_greater_than("$batchesTaken", 0), messages_gone
        ).otherwise(sent)
        take_batch_task.add_catch(
            was_it_ever_full, errors=["ReportEmpty"], result_path=sfn.JsonPath.DISCARD
        )
        net.catch(request_report, fetch_report, take_batch_task, send_batch, resend_refused)

        complete = sfn.Condition.and_(
            is_text("$.scheduledTime"),
            is_text("$.account.accountId"),
            is_number("$.account.size"),
        )
        some_refused = sfn.Condition.is_present("$.sent.Failed[0]")
        story = (
            how_large.when(sfn.Condition.not_(complete), input_incomplete)
            .when(
                sfn.Condition.number_less_than("$.account.size", 1),
                request_report,
                assign=_first_wait(60),
            )
            .when(
                sfn.Condition.number_greater_than("$.account.size", MINUTES_MAX),
                request_report,
                assign=_first_wait(60 * MINUTES_MAX),
            )
            .otherwise(request_report)
        )
        request_report.next(wait_for_report).next(fetch_report).next(
            is_ready.when(_status_is("READY"), take_batch_task)
            .when(
                sfn.Condition.and_(
                    _status_is("PENDING"),
                    sfn.Condition.number_less_than("$fetches", len(PAUSES_SECONDS)),
                ),
                wait_for_report,
                assign=_next_pause("waitSeconds", PAUSES_SECONDS, counter="fetches"),
            )
            .when(_status_is("PENDING"), never_ready)
            .otherwise(not_made)
        )
        take_batch_task.next(send_batch).next(
            what_is_left.when(
                sfn.Condition.and_(
                    some_refused,
                    sfn.Condition.number_less_than("$resends", len(RESEND_PAUSES_SECONDS)),
                ),
                keep_refused,
                assign=_next_pause("resendSeconds", RESEND_PAUSES_SECONDS, counter="resends"),
            )
            .when(some_refused, not_all_sent)
            .when(
                sfn.Condition.number_less_than_json_path("$batchesTaken", "$batches"),
                take_batch_task,
            )
            .otherwise(sent)
        )
        keep_refused.next(wait_to_resend).next(resend_refused).next(what_is_left)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            query_language=sfn.QueryLanguage.JSON_PATH,
            removal_policy=removal_policy,
        )


def _send(scope: Construct, state: str, *, queue: Queue, entries: str) -> tasks.CallAwsService:
    """Its answer is a success also when SQS refused some of the messages, or all."""
    task = tasks.CallAwsService(
        scope,
        state,
        service="sqs",
        action="sendMessageBatch",
        iam_action="sqs:SendMessage",
        iam_resources=[queue.arn],
        parameters={"QueueUrl": queue.url, "Entries": value_at(entries)},
        result_path="$.sent",
        task_timeout=timeout(30),
    )
    retry(task, SQS_SDK_FAULTS, TIME_OUTS)
    return task


def _first_wait(seconds: Any) -> Mapping[str, Any]:
    return {
        "waitSeconds": seconds,
        "fetches": 0,
        "batchesTaken": 0,
        "batches": 0,
        "messages": 0,
    }


def _next_pause(variable: str, pauses_seconds: Sequence[int], *, counter: str) -> Mapping[str, Any]:
    """The pause at the counter's place, and the counter moved on."""
    pauses = ", ".join(map(str, pauses_seconds))
    return {
        variable: value_at(f"States.ArrayGetItem(States.Array({pauses}), ${counter})"),
        counter: value_at(f"States.MathAdd(${counter}, 1)"),
    }


def _status_is(status: str) -> sfn.Condition:
    return sfn.Condition.string_equals("$answer.status", status)
