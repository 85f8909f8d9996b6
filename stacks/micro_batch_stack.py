"""The micro-process batch: scores of many companies, from a file in S3, by a Map Run or by a queue.

This module wires; the order of the steps stands in `workflows`, what the functions may in
score_functions.py.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from lambdas.environment import ServiceAddress
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import DeadLetters, private_bucket
from stacks.micro_batch_dashboard import QueueDashboard
from stacks.prices import Prices
from stacks.queues import source_queue
from stacks.score_functions import MESSAGE_TIMEOUT_SECONDS, MESSAGES_AT_ONCE, ScoreFunctions
from stacks.stage import Stage
from stacks.tables import table
from workflows.micro_batch import ScoreCompanies
from workflows.micro_batch_queue import EnqueueCompanies

METRICS_NAMESPACE = "Scores"
FILES_KEPT_DAYS = 90

SLOW_JOB = timedelta(hours=6)
SLOW_ENQUEUING = timedelta(hours=1)
SLOW_NET = timedelta(minutes=4)


class MicroBatchStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        score_service: ServiceAddress,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal = stage.removal_policy
        self.files = private_bucket(
            self, "ScoreFiles", kept_days=FILES_KEPT_DAYS, removal_policy=removal
        )
        dead_letters = DeadLetters(
            self,
            archive="ScoreLetters",
            letters="ScoreDeadLetters",
            prefix="Score",
            removal_policy=removal,
        )
        functions = ScoreFunctions(self, stage=stage, score_service=score_service, files=self.files)

        score_line, collect_failed = functions.score_line(), functions.collect_failed()
        self.score_companies = ScoreCompanies(
            self,
            "ScoreCompanies",
            score_line=score_line,
            collect_failed=collect_failed,
            files=self.files,
            dead_letters=dead_letters.store,
            removal_policy=removal,
        ).machine

        work, work_dead = source_queue(
            self,
            "ScoreWork",
            consumer_timeout_seconds=MESSAGE_TIMEOUT_SECONDS,
            removal_policy=removal,
        )
        jobs = table(
            self,
            "ScoreJobs",
            partition_key="jobId",
            numeric_sort_key="shard",
            removal_policy=removal,
        )
        parts = table(self, "ScoreParts", partition_key="part", removal_policy=removal)
        enqueue_part = functions.enqueue_part(work)
        score_message = functions.score_message(work, parts=parts, jobs=jobs)
        self.enqueue_companies = EnqueueCompanies(
            self,
            "EnqueueCompanies",
            enqueue_part=enqueue_part,
            files=self.files,
            jobs=jobs,
            dead_letters=dead_letters.store,
            removal_policy=removal,
        ).machine

        # What tells that something is wrong, and what shows how it goes.
        queues = [dead_letters.letters, dead_letters.lost_events, work_dead]
        for queue in queues:
            alarm_on_messages(queue)
        alarm_on_machine(self.score_companies, slow_after=SLOW_JOB)
        alarm_on_machine(self.enqueue_companies, slow_after=SLOW_ENQUEUING)
        for net in dead_letters.watch(self.score_companies, self.enqueue_companies):
            alarm_on_machine(net, slow_after=SLOW_NET)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "ScoreDashboard",
            machines=[self.score_companies, self.enqueue_companies],
            functions=[score_line, collect_failed, enqueue_part, score_message],
            dead_letters=queues,
            prices=Prices.from_context(self.node),
        )
        QueueDashboard(
            self,
            "QueueDashboard",
            queue=work,
            dead=work_dead,
            consumer=score_message,
            namespace=METRICS_NAMESPACE,
            concurrency_max=MESSAGES_AT_ONCE,
        )

        # What a user, and the replay script, need to know.
        outputs = {
            "ScoreCompaniesMachineArn": self.score_companies.arn,
            "EnqueueCompaniesMachineArn": self.enqueue_companies.arn,
            "ScoreJobsTable": jobs.table_name,
            "ScoreWorkDeadLettersUrl": work_dead.url,
            "ScoreFilesBucket": self.files.bucket_name,
            "ScoreDeadLettersUrl": dead_letters.letters.url,
            "ScoreLettersTable": dead_letters.archive.table_name,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
