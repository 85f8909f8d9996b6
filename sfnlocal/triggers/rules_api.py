"""EventBridge's operations on rules and their targets.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.triggers.event_pages import named, page, tags
from sfnlocal.triggers.rules import Rule, read_rule, read_target
from sfnlocal.triggers.target_checks import check_targets

if TYPE_CHECKING:
    from sfnlocal.triggers.buses import Buses

Params: TypeAlias = Mapping[str, Json]


class RulesApi:
    def __init__(self, buses: Buses) -> None:
        self._buses = buses
        self.operations: dict[str, Callable[[Params], dict[str, Json]]] = {
            "PutRule": self._put_rule,
            "DescribeRule": self._describe_rule,
            "ListRules": self._list_rules,
            "ListRuleNamesByTarget": self._list_rule_names_by_target,
            "EnableRule": lambda params: self._set_state(params, "ENABLED"),
            "DisableRule": lambda params: self._set_state(params, "DISABLED"),
            "DeleteRule": self._delete_rule,
            "PutTargets": self._put_targets,
            "ListTargetsByRule": self._list_targets_by_rule,
            "RemoveTargets": self._remove_targets,
        }

    def _put_rule(self, params: Params) -> dict[str, Json]:
        bus = self._buses.bus(params.get("EventBusName"))
        rule = read_rule(params["Name"], bus.name, bus.arn, params)
        before = bus.rules.get(rule.name)
        if before is None:
            self._buses.tags[rule.arn] = tags(params)
        else:
            rule = replace(rule, targets=before.targets)
        self._buses.put_rule(rule)
        return {"RuleArn": rule.arn}

    def _rule(self, params: Params, name: str = "Name") -> Rule:
        bus = self._buses.bus(params.get("EventBusName"))
        rule = bus.rules.get(params[name])
        if rule is None:
            raise ApiError(
                "ResourceNotFoundException",
                f"Rule {params[name]} does not exist on EventBus {bus.name}.",
            )
        return rule

    def _describe_rule(self, params: Params) -> dict[str, Json]:
        return {
            **_rule_shown(self._rule(params)),
            "CreatedBy": self._buses.aws.app.account,
        }

    def _list_rules(self, params: Params) -> dict[str, Json]:
        bus = self._buses.bus(params.get("EventBusName"))
        return page(
            "Rules", [_rule_shown(rule) for rule in named(bus.rules.values(), params)], params
        )

    def _list_rule_names_by_target(self, params: Params) -> dict[str, Json]:
        bus = self._buses.bus(params.get("EventBusName"))
        names = sorted(
            rule.name
            for rule in bus.rules.values()
            if any(target.arn == params["TargetArn"] for target in rule.targets.values())
        )
        return page("RuleNames", names, params)

    def _set_state(self, params: Params, state: str) -> dict[str, Json]:
        self._buses.put_rule(replace(self._rule(params), state=state))
        return {}

    def _delete_rule(self, params: Params) -> dict[str, Json]:
        bus = self._buses.bus(params.get("EventBusName"))
        rule = bus.rules.get(params["Name"])
        if rule is None:
            return {}
        if rule.targets:
            raise ApiError("ValidationException", "Rule can't be deleted since it has targets.")
        self._buses.delete_rule(rule)
        return {}

    # Targets

    def _put_targets(self, params: Params) -> dict[str, Json]:
        rule = self._rule(params, "Rule")
        targets = [read_target(given) for given in params["Targets"]]
        after = {**rule.targets, **{target.id: target for target in targets}}
        check_targets(after.values())
        self._buses.put_rule(replace(rule, targets=after))
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def _list_targets_by_rule(self, params: Params) -> dict[str, Json]:
        targets = self._rule(params, "Rule").targets
        return page("Targets", [dict(targets[id].given) for id in sorted(targets)], params)

    def _remove_targets(self, params: Params) -> dict[str, Json]:
        rule = self._rule(params, "Rule")
        failed = [
            {
                "TargetId": id,
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": f"Rule {rule.name} does not have a target with the Id {id}.",
            }
            for id in params["Ids"]
            if id not in rule.targets
        ]
        kept = {id: one for id, one in rule.targets.items() if id not in params["Ids"]}
        self._buses.put_rule(replace(rule, targets=kept))
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def _rule_shown(rule: Rule) -> dict[str, Json]:
    shown = {
        "Name": rule.name,
        "Arn": rule.arn,
        "EventPattern": rule.event_pattern,
        "ScheduleExpression": rule.schedule_expression,
        "State": rule.state,
        "Description": rule.description,
        "RoleArn": rule.role_arn,
        "EventBusName": rule.bus_name,
    }
    return {name: value for name, value in shown.items() if value is not None}
