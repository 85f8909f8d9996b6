"""DynamoDB's attribute values, each made once: every one is a call to Node.js, and most items hold
the same ones (the time, the run's ARN, PENDING).
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

import functools

from aws_cdk import aws_stepfunctions_tasks as tasks

text = functools.cache(tasks.DynamoAttributeValue.from_string)
# Of a text, or of a JSONata expression whose value is one.
number = functools.cache(tasks.DynamoAttributeValue.number_from_string)
