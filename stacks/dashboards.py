"""One dashboard a workflow, in the order of the questions: how many runs started, succeeded,
failed and are running; where their time goes; what is in the dead letters; what it cost.

Metrics answer what they can. The time of single states and the number of transitions of a machine
are in no metric: they are counted from its log, which has every event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.prices import Prices
from workflows.function import ThinFunction
from workflows.machine import Machine
from workflows.queue import Queue

PERIOD = cdk.Duration.minutes(5)
WIDTH = 24
HEIGHT = 7
# An Express run is billed in steps of this memory; a small one needs one.
EXPRESS_MB = 64

# A visit's time is when it was left less when it was entered; visits that have not ended yet
# would be negative.
TIME_BY_STATE = (
    "filter type like /StateEntered|StateExited/",
    'fields event_timestamp * (2 * strcontains(type, "Exited") - 1) as signed_ms',
    "stats sum(signed_ms) as run_ms by execution_arn, details.name as state",
    "filter run_ms >= 0",
    "stats avg(run_ms) / 1000 as avg_s, max(run_ms) / 1000 as max_s, count(*) as runs by state",
    "sort avg_s desc",
)
FAILED_RUNS = (
    'filter type in ["ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"]',
    "fields @timestamp, execution_arn, type, details.error, details.cause",
    "sort @timestamp desc",
    "limit 20",
)
FAILURES_BY_ERROR = (
    'filter type in ["ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"]',
    "fields coalesce(details.error, type) as error",
    "stats count(*) as runs by error",
    "sort runs desc",
)


class WorkflowDashboard(Construct):
    """Asks about `machines` (the first is the workflow, the others its children), `functions` and
    `dead_letters`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        machines: Sequence[Machine],
        functions: Sequence[ThinFunction],
        dead_letters: Sequence[Queue],
        prices: Prices,
    ) -> None:
        super().__init__(scope, construct_id)
        self._machines = machines
        self._functions = functions
        self._dead_letters = dead_letters
        self._prices = prices
        stack = cdk.Stack.of(self)
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=stack.stack_name,
            default_interval=cdk.Duration.days(1),
            widgets=[
                [_title("How many runs started, succeeded, failed, are running?")],
                [self._totals(machine) for machine in machines],
                [self._outcomes(machine) for machine in machines],
                [_title("Where is the time spent?")],
                [self._times(), self._function_times()],
                [self._times_by_state(machine) for machine in machines],
                *self._dead_letter_rows(),
                [self._log("Failures by error", FAILURES_BY_ERROR)],
                [self._log("The last failed runs", FAILED_RUNS)],
                [_title(f"What did it cost? {prices.currency}, {prices.region}, {prices.as_of}")],
                [*self._machine_costs(), self._function_costs()],
            ],
        )

    def _dead_letter_rows(self) -> Sequence[list[cloudwatch.IWidget]]:
        if not self._dead_letters:
            return []
        return [
            [_title("What is in the dead letters?")],
            [self._letters(), self._letter_ages()],
        ]

    def _totals(self, machine: Machine) -> cloudwatch.IWidget:
        return cloudwatch.SingleValueWidget(
            title=f"{machine.name}: runs in this range",
            metrics=list(_runs(machine)),
            set_period_to_time_range=True,
            width=WIDTH // len(self._machines),
            height=3,
        )

    def _outcomes(self, machine: Machine) -> cloudwatch.IWidget:
        """No metric counts a machine's running executions: they are what started in the range and
        has not ended, so a range as long as a run shows all of them."""
        ends = {
            "succeeded": machine.metric_succeeded(period=PERIOD),
            "failed": machine.metric_failed(period=PERIOD),
            "timedOut": machine.metric_timed_out(period=PERIOD),
            "aborted": machine.metric_aborted(period=PERIOD),
        }
        sums = " - ".join(f"RUNNING_SUM(FILL({name}, 0))" for name in ends)
        running = cloudwatch.MathExpression(
            expression=f"RUNNING_SUM(FILL(started, 0)) - {sums}",
            using_metrics={"started": machine.metric_started(period=PERIOD), **ends},
            label="running, of those started in this range",
            period=PERIOD,
        )
        return cloudwatch.GraphWidget(
            title=f"{machine.name}: runs",
            left=list(_runs(machine)),
            right=[running],
            width=WIDTH // len(self._machines),
            height=HEIGHT,
        )

    def _times(self) -> cloudwatch.IWidget:
        return cloudwatch.GraphWidget(
            title="Runs: duration",
            left=[
                machine.metric_time(
                    period=PERIOD, statistic=statistic, label=f"{machine.name} {statistic}"
                )
                for machine in self._machines
                for statistic in ("p50", "p95")
            ],
            width=WIDTH // 2,
            height=HEIGHT,
        )

    def _function_times(self) -> cloudwatch.IWidget:
        return cloudwatch.GraphWidget(
            title="Functions: duration, p95",
            left=[
                thin.function.metric_duration(period=PERIOD, statistic="p95", label=thin.name)
                for thin in self._functions
            ],
            width=WIDTH // 2,
            height=HEIGHT,
        )

    def _times_by_state(self, machine: Machine) -> cloudwatch.IWidget:
        return cloudwatch.LogQueryWidget(
            title=f"{machine.name}: time by state, all visits of a run together",
            log_group_names=[_log_group(machine)],
            query_lines=list(TIME_BY_STATE),
            view=cloudwatch.LogQueryVisualizationType.TABLE,
            width=WIDTH // len(self._machines),
            height=HEIGHT,
        )

    def _letters(self) -> cloudwatch.IWidget:
        return self._of_dead_letters(
            "Messages in the dead-letter queues",
            lambda queue: queue.metric_approximate_number_of_messages_visible(
                period=PERIOD, statistic="Maximum", label=queue.name
            ),
        )

    def _letter_ages(self) -> cloudwatch.IWidget:
        return self._of_dead_letters(
            "Age of the oldest, in seconds",
            lambda queue: queue.metric_approximate_age_of_oldest_message(
                period=PERIOD, statistic="Maximum", label=queue.name
            ),
        )

    def _of_dead_letters(
        self, title: str, metric: Callable[[Queue], cloudwatch.Metric]
    ) -> cloudwatch.IWidget:
        return cloudwatch.GraphWidget(
            title=title,
            left=[metric(queue) for queue in self._dead_letters],
            width=WIDTH // 2,
            height=HEIGHT,
        )

    def _machine_costs(self) -> Sequence[cloudwatch.IWidget]:
        """Standard machines are billed by transitions, Express ones by runs and their time."""
        standard = self._of_type(sfn.StateMachineType.STANDARD)
        express = self._of_type(sfn.StateMachineType.EXPRESS)
        return (
            *([self._transition_costs(standard)] if standard else []),
            *([self._express_costs(express)] if express else []),
        )

    def _express_costs(self, machines: Sequence[Machine]) -> cloudwatch.IWidget:
        """https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html"""
        return cloudwatch.SingleValueWidget(
            title=f"Express runs of {EXPRESS_MB} MB, in this range",
            metrics=[self._express_cost(machine, f"e{n}") for n, machine in enumerate(machines)],
            set_period_to_time_range=True,
            full_precision=True,
            width=WIDTH // 2,
            height=HEIGHT,
        )

    def _express_cost(self, machine: Machine, name: str) -> cloudwatch.MathExpression:
        per_ms = self._prices.express_gb_second * EXPRESS_MB / 1024 / 1000
        per_run = self._prices.express_request
        return cloudwatch.MathExpression(
            expression=f"{name}ms * {per_ms:.15f} + {name}runs * {per_run:.9f}",
            using_metrics={
                f"{name}ms": machine.metric(
                    "ExpressExecutionBilledDuration", period=PERIOD, statistic="Sum"
                ),
                f"{name}runs": machine.metric_started(period=PERIOD),
            },
            label=machine.name,
            period=PERIOD,
        )

    def _of_type(self, kind: sfn.StateMachineType) -> Sequence[Machine]:
        return [one for one in self._machines if one.state_machine_type == kind]

    def _transition_costs(self, machines: Sequence[Machine]) -> cloudwatch.IWidget:
        """Each visit of a state is billed, and each attempt after a task's first."""
        transitions = "sum(visit) + sum(attempt) - sum(task_visit)"
        price = f"{self._prices.standard_transition:.9f}"
        return self._log(
            "Transitions",
            (
                "filter type like /StateEntered$/ or type like /Scheduled$/",
                'fields strcontains(type, "StateEntered") as visit',
                'fields strcontains(type, "Scheduled") as attempt',
                'fields strcontains(type, "TaskStateEntered") as task_visit',
                f"stats {transitions} as n, ({transitions}) * {price} as cost by bin(1d) as day",
                "sort day desc",
            ),
            width=WIDTH // 2,
            machines=machines,
        )

    def _function_costs(self) -> cloudwatch.IWidget:
        return cloudwatch.SingleValueWidget(
            title="Functions, in this range",
            metrics=[self._function_cost(thin, f"f{n}") for n, thin in enumerate(self._functions)],
            set_period_to_time_range=True,
            full_precision=True,
            width=WIDTH // 2,
            height=HEIGHT,
        )

    def _function_cost(self, thin: ThinFunction, name: str) -> cloudwatch.MathExpression:
        per_ms = self._prices.lambda_arm_gb_second * thin.memory_mb / 1024 / 1000
        return cloudwatch.MathExpression(
            expression=(
                f"{name}ms * {per_ms:.15f} + {name}calls * {self._prices.lambda_request:.9f}"
            ),
            using_metrics={
                f"{name}ms": thin.function.metric_duration(period=PERIOD, statistic="Sum"),
                f"{name}calls": thin.function.metric_invocations(period=PERIOD),
            },
            label=thin.name,
            period=PERIOD,
        )

    def _log(
        self,
        title: str,
        query: Sequence[str],
        width: int = WIDTH,
        machines: Sequence[Machine] = (),
    ) -> cloudwatch.IWidget:
        return cloudwatch.LogQueryWidget(
            title=title,
            log_group_names=[_log_group(machine) for machine in machines or self._machines],
            query_lines=list(query),
            view=cloudwatch.LogQueryVisualizationType.TABLE,
            width=width,
            height=HEIGHT,
        )


def _title(text: str) -> cloudwatch.IWidget:
    return cloudwatch.TextWidget(markdown=f"## {text}", width=WIDTH, height=1)


def _runs(machine: Machine) -> tuple[cloudwatch.Metric, ...]:
    return (
        machine.metric_started(period=PERIOD, label="started"),
        machine.metric_succeeded(period=PERIOD, label="succeeded"),
        machine.metric_failed(period=PERIOD, label="failed"),
        machine.metric_timed_out(period=PERIOD, label="timed out"),
        machine.metric_aborted(period=PERIOD, label="aborted"),
        machine.metric_throttled(period=PERIOD, label="throttled"),
    )


def _log_group(machine: Machine) -> str:
    """The log group that workflows/machine.py makes beside the machine."""
    scope = machine.node.scope
    group = scope.node.find_child("Logs") if scope else None
    assert isinstance(group, logs.LogGroup)
    return group.log_group_name
