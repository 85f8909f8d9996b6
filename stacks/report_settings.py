"""What the reports of a stage need to know, read from the context once and checked there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from constructs import Node

from lambdas.report.payloads import Account
from stacks.stage import Stage, StageError

SANDBOX_ACCOUNTS = [Account(accountId="a-1001", size=1), Account(accountId="a-1002", size=7)]


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """Context keys: `reportProviderFunction` (the name of the function that makes reports; the
    sandbox brings one in dev), `reportAccounts` (a list of accounts), `reportTimeZone` (an IANA
    name, UTC by default)."""

    provider_function: str
    accounts: tuple[Account, ...]
    time_zone: str

    @classmethod
    def from_context(cls, node: Node, stage: Stage) -> ReportSettings | None:
        """None where the stage has no report provider, and so no reports."""
        provider = node.try_get_context("reportProviderFunction")
        accounts = node.try_get_context("reportAccounts")
        if stage.has_sandbox:
            provider = provider or f"reports-{stage.name}-provider"
            accounts = accounts or SANDBOX_ACCOUNTS
        if not provider:
            return None
        return cls(
            provider_function=str(provider),
            accounts=_accounts(accounts),
            time_zone=str(node.try_get_context("reportTimeZone") or "UTC"),
        )


def _accounts(value: Any) -> tuple[Account, ...]:
    """The accounts of the context; on the command line they are JSON text."""
    accounts = json.loads(value) if isinstance(value, str) else value
    match accounts:
        case [_, *_]:
            return tuple(_account(account) for account in accounts)
        case _:
            raise StageError(
                'reports need the context reportAccounts: [{"accountId": "a-1001", "size": 3}, ...]'
            )


def _account(value: Any) -> Account:
    match value:
        case {"accountId": str(account_id), "size": int(size)}:
            return Account(accountId=account_id, size=size)
        case _:
            raise StageError(f"an account has an accountId and a size, unlike {value!r}")
