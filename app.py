"""The CDK app: which stacks exist in which stage.

Synthesizes without AWS: no look-ups, no Docker. The context says the stage (`stage`, dev by
default), where to (`account`, `region`; without them the templates fit any), and whether cdk-nag
checks what was made (`nag`).
"""

from __future__ import annotations

import os

import aws_cdk as cdk

from stacks.callers import Issuer, SandboxCallersStack
from stacks.control_stack import ControlStack
from stacks.cost_guard_stack import CostGuardStack
from stacks.dead_letters_stack import DeadLettersStack
from stacks.device_groups import device_groups
from stacks.device_ingest_stack import DeviceIngestStack
from stacks.fault_experiment_stack import FaultExperimentStack
from stacks.filter_chain_stack import FilterChainStack
from stacks.intake_stack import IntakeStack
from stacks.micro_batch_stack import MicroBatchStack
from stacks.notification_settings import NotificationSettings
from stacks.notifications_stack import NotificationsStack
from stacks.operations_stack import OperationsStack
from stacks.order_front_stack import OrderFrontStack
from stacks.orders_stack import OrdersStack
from stacks.registry_stack import RegistryStack
from stacks.release_settings import ReleaseSettings
from stacks.release_stack import ReleaseStack
from stacks.report_settings import ReportSettings
from stacks.reports_stack import ReportsStack
from stacks.sandbox_score_stack import SandboxScoreStack
from stacks.sandbox_stack import SandboxStack
from stacks.score_functions import score_service_address
from stacks.stage import Stage
from stacks.timed_tasks_stack import TimedTasksStack
from stacks.upgrades_stack import UpgradesStack
from stacks.views_stack import ViewsStack


def build(app: cdk.App) -> None:
    """The stacks of the stage that the app's context names."""
    stage = Stage.from_context(app.node)
    env = cdk.Environment(
        account=app.node.try_get_context("account"), region=app.node.try_get_context("region")
    )
    control = ControlStack(app, "Control", stage=stage, env=env, stack_name=f"control-{stage.name}")
    orders = OrdersStack(app, "Orders", stage=stage, env=env, stack_name=f"orders-{stage.name}")
    settings = ReportSettings.from_context(app.node, stage)
    reports = settings and ReportsStack(
        app,
        "Reports",
        stage=stage,
        settings=settings,
        env=env,
        stack_name=f"reports-{stage.name}",
    )
    if stage.has_sandbox and reports:
        SandboxStack(
            app,
            "Sandbox",
            stage=stage,
            orders=orders,
            reports=reports,
            env=env,
            stack_name=f"orders-{stage.name}-sandbox",
        )
    upgrades = UpgradesStack(
        app,
        "Upgrades",
        stage=stage,
        control=control,
        orders=orders,
        env=env,
        stack_name=f"upgrades-{stage.name}",
    )
    if stage.has_sandbox:
        FaultExperimentStack(
            app,
            "FaultExperiments",
            stage=stage,
            control=control,
            orders=orders,
            upgrades=upgrades,
            env=env,
            stack_name=f"experiments-{stage.name}",
        )
    filters = FilterChainStack(
        app, "FilterChain", stage=stage, env=env, stack_name=f"filters-{stage.name}"
    )
    IntakeStack(app, "Intake", stage=stage, env=env, stack_name=f"intake-{stage.name}")
    issuer = Issuer.from_context(app.node)
    if stage.has_sandbox and not issuer:
        callers = SandboxCallersStack(
            app, "SandboxCallers", env=env, stack_name=f"callers-{stage.name}-sandbox"
        )
        issuer = callers.issuer
    if issuer:
        front = OrderFrontStack(
            app,
            "OrderFront",
            stage=stage,
            orders=orders,
            issuer=issuer,
            env=env,
            stack_name=f"orders-{stage.name}-front",
        )
        RegistryStack(
            app,
            "Registry",
            stage=stage,
            functions={"order-intake": front.accept_order, "order-status": front.read_order},
            issuer=issuer,
            env=env,
            stack_name=f"registry-{stage.name}",
        )
        OperationsStack(
            app,
            "Operations",
            stage=stage,
            orders=orders.orders,
            issuer=issuer,
            env=env,
            stack_name=f"operations-{stage.name}",
        )
    notifications = NotificationSettings.from_context(app.node, stage)
    if issuer and notifications:
        NotificationsStack(
            app,
            "Notifications",
            stage=stage,
            settings=notifications,
            issuer=issuer,
            env=env,
            stack_name=f"notifications-{stage.name}",
        )
    if score_service := score_service_address(app.node, stage):
        MicroBatchStack(
            app,
            "Scores",
            stage=stage,
            score_service=score_service,
            env=env,
            stack_name=f"scores-{stage.name}",
        )
        if stage.has_sandbox:
            SandboxScoreStack(
                app,
                "SandboxScores",
                stage=stage,
                score_service=score_service,
                env=env,
                stack_name=f"scores-{stage.name}-sandbox",
            )
    if groups := device_groups(app.node, stage):
        DeviceIngestStack(
            app,
            "DeviceIngest",
            stage=stage,
            groups=groups,
            issuer=issuer,
            env=env,
            stack_name=f"devices-{stage.name}",
        )
    releases = ReleaseSettings.from_context(app.node, stage)
    if releases or stage.has_sandbox:
        ReleaseStack(
            app,
            "Releases",
            stage=stage,
            settings=releases,
            env=env,
            stack_name=f"releases-{stage.name}",
        )
    views = ViewsStack(
        app, "Views", stage=stage, issuer=issuer, env=env, stack_name=f"sales-{stage.name}"
    )
    CostGuardStack(
        app,
        "CostGuard",
        stage=stage,
        control=control,
        filters=filters,
        views=views,
        env=env,
        stack_name=f"cost-guard-{stage.name}",
    )
    TimedTasksStack(
        app,
        "TimedTasks",
        stage=stage,
        made=app.node.find_all(),
        env=env,
        stack_name=f"timed-tasks-{stage.name}",
    )
    # Last: it works on the queues of all the others.
    DeadLettersStack(
        app,
        "DeadLetters",
        stage=stage,
        control=control,
        made=app.node.find_all(),
        env=env,
        stack_name=f"dead-letters-{stage.name}",
    )
    if app.node.try_get_context("nag"):
        from cdk_nag import AwsSolutionsChecks

        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks())


def main() -> None:
    app = cdk.App(
        # The cdk command names the folder itself.
        outdir=os.environ.get("CDK_OUTDIR", "cdk.out"),
        # Only the validation's report reads the tree.
        tree_metadata=os.environ.get("CDK_VALIDATION") != "false",
    )
    build(app)
    app.synth()


if __name__ == "__main__":
    main()
