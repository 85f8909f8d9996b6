"""One dashboard a workflow, in the order of the questions: how many runs started, succeeded,
failed and are running; where their time goes; what is in the dead letters; what it cost.

Metrics answer what they can. The time of single states and the number of transitions of a machine
are in no metric: they are counted from its log, which has every event.
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from constructs import Construct

from stacks.dashboard_body import (
    COLUMNS,
    Dashboard,
    Widget,
    calculated,
    graph,
    line,
    log_table,
    numbers,
    title,
)
from stacks.metrics import Expression, of_function, of_machine, of_queue
from stacks.prices import Prices
from workflows.function import ThinFunction
from workflows.machine import Machine
from workflows.queue import Queue

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
RUNS = {
    "ExecutionsStarted": "started",
    "ExecutionsSucceeded": "succeeded",
    "ExecutionsFailed": "failed",
    "ExecutionsTimedOut": "timed out",
    "ExecutionsAborted": "aborted",
    "ExecutionThrottled": "throttled",
}


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
        Dashboard(
            self,
            "Dashboard",
            dashboard_name=cdk.Stack.of(self).stack_name,
            start="P1D",
            rows=[
                [title("How many runs started, succeeded, failed, are running?")],
                [self._totals(machine) for machine in machines],
                [self._outcomes(machine) for machine in machines],
                [title("Where is the time spent?")],
                [self._times(), *self._function_times()],
                [self._times_by_state(machine) for machine in machines],
                *self._dead_letter_rows(),
                [self._log("Failures by error", FAILURES_BY_ERROR)],
                [self._log("The last failed runs", FAILED_RUNS)],
                [title(f"What did it cost? {prices.currency}, {prices.region}, {prices.as_of}")],
                [*self._machine_costs(), *self._function_costs()],
            ],
        )

    def _dead_letter_rows(self) -> Sequence[Sequence[Widget]]:
        if not self._dead_letters:
            return []
        return [
            [title("What is in the dead letters?")],
            [
                self._letters(
                    "Messages in the dead-letter queues", "ApproximateNumberOfMessagesVisible"
                ),
                self._letters("Age of the oldest, in seconds", "ApproximateAgeOfOldestMessage"),
            ],
        ]

    def _totals(self, machine: Machine) -> Widget:
        return numbers(
            f"{machine.name}: runs in this range",
            [line(of_machine(machine, metric), label) for metric, label in RUNS.items()],
            width=COLUMNS // len(self._machines),
            height=3,
        )

    def _outcomes(self, machine: Machine) -> Widget:
        """No metric counts a machine's running executions: they are what started in the range and
        has not ended, so a range as long as a run shows all of them."""
        variables = {
            "started": "started",
            "succeeded": "succeeded",
            "failed": "failed",
            "timed out": "timedOut",
            "aborted": "aborted",
        }
        runs = [
            line(of_machine(machine, metric), label, variable=variables.get(label))
            for metric, label in RUNS.items()
        ]
        started, *ends = (f"RUNNING_SUM(FILL({name}, 0))" for name in variables.values())
        running = Expression(
            "running, of those started in this range", " - ".join([started, *ends]), {}
        )
        return graph(
            f"{machine.name}: runs",
            [*runs, *calculated(running, yAxis="right")],
            width=COLUMNS // len(self._machines),
        )

    def _times(self) -> Widget:
        return graph(
            "Runs: duration",
            [
                line(of_machine(machine, "ExecutionTime", statistic), f"{machine.name} {statistic}")
                for machine in self._machines
                for statistic in ("p50", "p95")
            ],
            width=COLUMNS // 2,
        )

    def _function_times(self) -> Sequence[Widget]:
        lines = [line(of_function(thin, "Duration", "p95"), thin.name) for thin in self._functions]
        return [graph("Functions: duration, p95", lines, width=COLUMNS // 2)] if lines else []

    def _times_by_state(self, machine: Machine) -> Widget:
        return log_table(
            f"{machine.name}: time by state, all visits of a run together",
            [machine.log_group_name],
            TIME_BY_STATE,
            width=COLUMNS // len(self._machines),
        )

    def _letters(self, name: str, metric: str) -> Widget:
        return graph(
            name,
            [line(of_queue(queue, metric), queue.name) for queue in self._dead_letters],
            width=COLUMNS // 2,
        )

    def _machine_costs(self) -> Sequence[Widget]:
        """Standard machines are billed by transitions, Express ones by runs and their time."""
        standard = [one for one in self._machines if not one.is_express]
        express = [one for one in self._machines if one.is_express]
        return (
            *([self._transition_costs(standard)] if standard else []),
            *([self._express_costs(express)] if express else []),
        )

    def _express_costs(self, machines: Sequence[Machine]) -> Widget:
        """https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html"""
        return self._costs(
            f"Express runs of {EXPRESS_MB} MB, in this range",
            [self._express_cost(machine, f"e{n}") for n, machine in enumerate(machines)],
        )

    def _express_cost(self, machine: Machine, name: str) -> Expression:
        per_ms = self._prices.express_gb_second * EXPRESS_MB / 1024 / 1000
        per_run = self._prices.express_request
        return Expression(
            machine.name,
            f"{name}ms * {per_ms:.15f} + {name}runs * {per_run:.9f}",
            {
                f"{name}ms": of_machine(machine, "ExpressExecutionBilledDuration"),
                f"{name}runs": of_machine(machine, "ExecutionsStarted"),
            },
        )

    def _transition_costs(self, machines: Sequence[Machine]) -> Widget:
        """Each visit of a state is billed, and each attempt after a task's first."""
        transitions = "sum(visit) + sum(attempt) - sum(task_visit)"
        price = f"{self._prices.standard_transition:.9f}"
        return log_table(
            "Transitions",
            [machine.log_group_name for machine in machines],
            (
                "filter type like /StateEntered$/ or type like /Scheduled$/",
                'fields strcontains(type, "StateEntered") as visit',
                'fields strcontains(type, "Scheduled") as attempt',
                'fields strcontains(type, "TaskStateEntered") as task_visit',
                f"stats {transitions} as n, ({transitions}) * {price} as cost by bin(1d) as day",
                "sort day desc",
            ),
            width=COLUMNS // 2,
        )

    def _function_costs(self) -> Sequence[Widget]:
        costs = [self._function_cost(thin, f"f{n}") for n, thin in enumerate(self._functions)]
        return [self._costs("Functions, in this range", costs)] if costs else []

    def _function_cost(self, thin: ThinFunction, name: str) -> Expression:
        per_ms = self._prices.lambda_arm_gb_second * thin.memory_mb / 1024 / 1000
        return Expression(
            thin.name,
            f"{name}ms * {per_ms:.15f} + {name}calls * {self._prices.lambda_request:.9f}",
            {
                f"{name}ms": of_function(thin, "Duration"),
                f"{name}calls": of_function(thin, "Invocations"),
            },
        )

    def _costs(self, name: str, costs: Sequence[Expression]) -> Widget:
        return numbers(
            name,
            [one for cost in costs for one in calculated(cost)],
            width=COLUMNS // 2,
            singleValueFullPrecision=True,
        )

    def _log(self, name: str, query: Sequence[str]) -> Widget:
        return log_table(name, [machine.log_group_name for machine in self._machines], query)
