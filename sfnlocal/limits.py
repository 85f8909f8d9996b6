"""AWS's quotas, each with the page that states it. Bytes are bytes of UTF-8 encoded JSON text."""

from __future__ import annotations

import sys

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
PAYLOAD_BYTES_MAX = 262_144
HISTORY_EVENTS_MAX = 25_000
EXPRESS_HISTORY_EVENTS_MAX = sys.maxsize  # unlimited
DEFINITION_BYTES_MAX = 1_048_576
NAME_CHARS_MAX = 80
EXPRESS_DURATION_MS_MAX = 5 * 60 * 1000
STANDARD_DURATION_MS_MAX = 365 * 24 * 60 * 60 * 1000

# https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
REDRIVABLE_MS_MAX = 14 * 24 * 60 * 60 * 1000
REDRIVABLE_EVENTS_MAX = HISTORY_EVENTS_MAX - 2
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html
REDRIVE_TOKENS_MAX = 10
REDRIVE_TOKEN_MS_MAX = 15 * 60 * 1000

# https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html, Limits: one variable
# has as much as one Assign field may assign.
ASSIGN_BYTES_MAX = 262_144
VARIABLES_BYTES_MAX = 10 * 1024 * 1024

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html
ERROR_CHARS_MAX = 256
CAUSE_CHARS_MAX = 32_768

# https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
TASK_TIMEOUT_SECONDS_MAX = 99_999_999

# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
INLINE_MAP_CONCURRENCY_MAX = 40

# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
MAP_RUN_CONCURRENCY_MAX = 10_000
# https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html
MAP_RUN_REDRIVES_MAX = 1_000
# https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
MAP_ITEMS_MAX = 100_000_000
# https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
MAP_INPUT_BYTES_MAX = 262_144

# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-payload
LOGGED_PAYLOAD_BYTES_MAX = 248 * 1024

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_PAYLOAD_BYTES_MAX = 6_291_556
LAMBDA_EVENT_BYTES_MAX = 1_048_576
LAMBDA_TIMEOUT_SECONDS_MAX = 900
LAMBDA_ENVIRONMENT_BYTES_MAX = 4_096
LAMBDA_MEMORY_MB_MAX = 10_240
LAMBDA_ZIPPED_BYTES_MAX = 52_428_800
LAMBDA_UNZIPPED_BYTES_MAX = 262_144_000
LAMBDA_CONCURRENCY_MAX = 1_000
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
LAMBDA_UNRESERVED_CONCURRENCY_MIN = 100
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
LAMBDA_INIT_MS_MAX = 10_000

# https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
INTRINSIC_CALLS_MAX = 10
INTRINSIC_TEXT_CHARS_MAX = 10_000
INTRINSIC_RANGE_ITEMS_MAX = 1_000

# Measured: https://github.com/floci-io/floci/pull/2790
JSONATA_RANGE_ITEMS_MAX = 360_145

# AWS limits memory and depth of an evaluation without giving numbers; this stops endless loops
# after about a second, always at the same step.
JSONATA_STEPS_MAX = 10_000_000

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html (adjustable)
EVENT_PATTERN_CHARS_MAX = 2_048
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
EVENT_PATTERN_COMBINATIONS_MAX = 1_000
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
PUT_EVENTS_BYTES_MAX = 1_048_576
# https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
EVENT_PAYLOAD_BYTES_MAX = 248 * 1024
