"""What all operations workflows share: the table of leases, so that no two work on one target, and
the audit of what they did.

A stack of its own, which every stack of an operations workflow may depend on.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from stacks.stage import Stage
from stacks.tables import table
from workflows import audit, lease


class ControlStack(cdk.Stack):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        removal = stage.removal_policy
        self.leases = table(self, "Leases", partition_key=lease.KEY, removal_policy=removal)
        self.audit = table(
            self,
            "Audit",
            partition_key=audit.KEY,
            sort_key=audit.SORT_KEY,
            removal_policy=removal,
        )
        cdk.CfnOutput(self, "LeasesTable", value=self.leases.table_name)
        cdk.CfnOutput(self, "AuditTable", value=self.audit.table_name)
