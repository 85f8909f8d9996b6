"""One alarm in CloudFormation's own words: the CDK's would be a call to Node.js for each metric in
it, and a function has four of them.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
"""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.metrics import Expression, Metric

PERIOD_SECONDS = 300


def alarm(
    scope: Construct,
    construct_id: str,
    measured: Metric | Expression,
    *,
    threshold: float,
    description: str,
    periods: int = 1,
) -> None:
    """Rings when what is measured reaches the threshold; no data is no reason to."""
    cloudwatch.CfnAlarm(
        # Where the CDK's own Alarm would have it: CloudFormation knows it by its path.
        Construct(scope, construct_id),
        "Resource",
        **(_of_metric(measured) if isinstance(measured, Metric) else _of_expression(measured)),
        threshold=threshold,
        evaluation_periods=periods,
        alarm_description=description,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
    )


def _of_metric(metric: Metric) -> dict[str, Any]:
    is_percentile = metric.statistic.startswith("p")
    return {
        "namespace": metric.namespace,
        "metric_name": metric.name,
        "dimensions": _dimensions(metric),
        "period": PERIOD_SECONDS,
        "extended_statistic" if is_percentile else "statistic": metric.statistic,
    }


def _of_expression(expression: Expression) -> dict[str, Any]:
    query = cloudwatch.CfnAlarm.MetricDataQueryProperty
    return {
        "metrics": [
            query(
                id="expr_1",
                expression=expression.text,
                label=expression.label,
                return_data=True,
            ),
            *(
                query(
                    id=variable,
                    metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
                        metric=cloudwatch.CfnAlarm.MetricProperty(
                            namespace=metric.namespace,
                            metric_name=metric.name,
                            dimensions=_dimensions(metric),
                        ),
                        period=PERIOD_SECONDS,
                        stat=metric.statistic,
                    ),
                    return_data=False,
                )
                for variable, metric in expression.metrics.items()
            ),
        ]
    }


def _dimensions(metric: Metric) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
    return [
        cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
        for name, value in metric.dimensions.items()
    ]
