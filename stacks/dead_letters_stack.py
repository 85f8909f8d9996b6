"""The operations workflow for every dead-letter queue of the app, and the queue in which poison
letters are parked.

It is made last, and finds the queues in the stacks that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct, IConstruct

from lambdas.dead_letters.environments import ReceiveLettersEnvironment, StartReplayEnvironment
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.control_stack import ControlStack
from stacks.dashboards import WorkflowDashboard
from stacks.heal_replay import HealReplay
from stacks.prices import Prices
from stacks.queues import dead_letter_queue
from stacks.stage import Stage
from stacks.tables import table
from workflows import moved_messages
from workflows.dead_letters import DeadLetterOperations, DeadLetterQueue, DeadLettersFunctions
from workflows.dead_letters_request import ALL
from workflows.findings import acknowledge_wildcard
from workflows.function import DEAD_LETTERS_PACKAGE, ThinFunction
from workflows.letter_acts import ReturnPlaces
from workflows.letter_archive import Archive, LetterArchives
from workflows.machine import ANY_EXECUTION, Machine
from workflows.moved_messages import MovedMessages
from workflows.queue import Queue
from workflows.recorder import Recorder
from workflows.schedule import schedule_machine

PARKED = "ParkedLetters"
SLOW = timedelta(hours=6)
EVERY = cdk.Duration.hours(6)

T = TypeVar("T", bound=Construct)


class DeadLettersStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        control: ControlStack,
        made: Sequence[IConstruct],
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal = stage.removal_policy
        parked = dead_letter_queue(self, PARKED, removal_policy=removal)
        moves = table(
            self,
            "Moves",
            partition_key=moved_messages.KEY,
            expires_by=moved_messages.EXPIRE_BY,
            removal_policy=removal,
        )
        queues = dead_letter_queues([*_of(Queue, made), parked])
        machines = [machine for machine in _of(Machine, made) if not machine.is_express]
        inputs = [
            bucket for bucket in _of(s3.Bucket, made) if bucket.node.id.endswith("DeadLetterInputs")
        ]
        executions = [machine.exported_execution_arn("*") for machine in machines]
        functions = self._functions([*queues.values()], machines, executions, inputs, removal)
        self.machine = DeadLetterOperations(
            self,
            "DeadLetters",
            queues=queues,
            parking=PARKED,
            places=ReturnPlaces(
                queues=[one.queue for one in queues.values()],
                starts=[machine.arn for machine in machines],
                executions=executions,
                archives=letter_archives(_of(Recorder, made)),
                parked=parked,
                moved=MovedMessages(moves),
            ),
            functions=functions,
            leases=control.leases,
            entries=control.audit,
            removal_policy=removal,
        ).machine
        schedule_machine(
            self,
            "BringBack",
            machine=self.machine,
            expression=scheduler.ScheduleExpression.rate(EVERY),
            description="Brings back what is in the dead-letter queues",
            machine_input={"queue": ALL, "action": "AUTO", "startedBy": "schedule"},
            lost_starts=parked,
            max_event_age=EVERY,
            # A person decides whether letters come back by themselves.
            enabled=bool(self.node.try_get_context("bringBackDeadLetters")),
            removal_policy=removal,
        )
        HealReplay(self, "HealReplay", machine=self.machine, lost_events=parked)
        alarm_on_messages(parked)
        alarm_on_machine(self.machine, slow_after=SLOW)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "DeadLettersDashboard",
            machines=[self.machine],
            functions=[functions.receive_letters, functions.start_replay],
            dead_letters=[parked],
            prices=Prices.from_context(self.node),
        )
        cdk.CfnOutput(self, "DeadLettersMachineArn", value=self.machine.arn)

    def _functions(
        self,
        queues: Sequence[DeadLetterQueue],
        machines: Sequence[Machine],
        executions: Sequence[str],
        inputs: Sequence[s3.Bucket],
        removal: cdk.RemovalPolicy,
    ) -> DeadLettersFunctions:
        """Each with what it may do."""
        receive = ThinFunction(
            self,
            "ReceiveLetters",
            handler="lambdas.dead_letters.receive_letters.handler",
            environment=ReceiveLettersEnvironment(),
            package=DEAD_LETTERS_PACKAGE,
            timeout_seconds=20,
            removal_policy=removal,
        )
        receive.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
                resources=[one.queue.arn for one in queues],
            )
        )
        replay = ThinFunction(
            self,
            "StartReplay",
            handler="lambdas.dead_letters.start_replay.handler",
            environment=StartReplayEnvironment(),
            package=DEAD_LETTERS_PACKAGE,
            timeout_seconds=20,
            removal_policy=removal,
        )
        objects = [f"{exported(bucket, bucket.bucket_arn)}/*" for bucket in inputs]
        replay.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["states:StartExecution"],
                resources=[machine.arn for machine in machines],
            )
        )
        replay.function.add_to_role_policy(
            iam.PolicyStatement(actions=["states:DescribeExecution"], resources=[*executions])
        )
        replay.function.add_to_role_policy(
            iam.PolicyStatement(actions=["s3:GetObject"], resources=objects)
        )
        for arn in executions:
            acknowledge_wildcard(replay, arn, ANY_EXECUTION)
        for arn in objects:
            acknowledge_wildcard(
                replay, arn, "The key is the failed run's name, which no role can know before."
            )
        return DeadLettersFunctions(receive_letters=receive, start_replay=replay)


def dead_letter_queues(queues: Sequence[Queue]) -> dict[str, DeadLetterQueue]:
    """Those of the queues that have no dead-letter queue themselves, by their construct id."""
    sources = {queue.dead: queue for queue in queues if queue.dead}
    found: dict[str, DeadLetterQueue] = {}
    for queue in queues:
        if queue.dead:
            continue
        if queue.name in found:
            raise ValueError(
                f"two dead-letter queues are named {queue.name}: {queue.node.path} and "
                f"{found[queue.name].queue.node.path}; operators need to tell them apart"
            )
        found[queue.name] = DeadLetterQueue(queue.name, queue, sources.get(queue))
    return found


def letter_archives(nets: Sequence[Recorder]) -> LetterArchives:
    """Each net knows whose letters it has."""
    return LetterArchives([Archive(net.store.archive, net.watched) for net in nets])


def _of(kind: type[T], made: Sequence[IConstruct]) -> list[T]:
    return [one for one in made if isinstance(one, kind)]


def exported(construct: Construct, value: str) -> str:
    """An attribute of another stack's construct by its export. The reason for a wildcard has to
    name it, and the CDK's own reference has no name before the app is synthesized."""
    return cdk.Stack.of(construct).export_value(value)
