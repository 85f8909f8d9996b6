"""Roles of the template: who may assume them, and what their policies and boundaries say.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sfnlocal.errors import InputError, TemplateError
from sfnlocal.ports import Json
from sfnlocal.proof.iam.managed_policies import aws_managed_policy, is_aws_managed
from sfnlocal.proof.iam.policies import Statement, parse_policy
from sfnlocal.template.resources import App, Resource


@dataclass(slots=True)
class Role:
    """`not_evaluable` says what of its policies only AWS knows: managed policies that are not here,
    values that a template does not have."""

    arn: str
    name: str
    path: str
    trust: tuple[Statement, ...] = ()
    identity: list[Statement] = field(default_factory=list)
    boundary: tuple[Statement, ...] | None = None
    not_evaluable: list[str] = field(default_factory=list)
    tags: Mapping[str, str] = field(default_factory=dict)


def load_roles(app: App) -> dict[str, Role]:
    """By ARN. Raises InputError for a policy that IAM would refuse."""
    return app.derived(_roles)


def _roles(app: App) -> dict[str, Role]:
    return _Reader(app).roles


class _Reader:
    def __init__(self, app: App) -> None:
        self._managed = {one.arn: one for one in app.of_type("AWS::IAM::ManagedPolicy")}
        self.roles = {one.arn: self._role(one) for one in app.of_type("AWS::IAM::Role")}
        self._by_name = {role.name: role for role in self.roles.values()}
        for policy in app.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            names = policy.properties.get("Roles", [])
            self._attach(policy, names)
        for policy in app.of_type("AWS::IAM::RolePolicy"):
            self._attach(policy, [policy.properties["RoleName"]])

    def _role(self, resource: Resource) -> Role:
        properties = resource.properties
        role = Role(resource.arn, resource.name, resource.path)
        role.trust = parse_policy(
            properties["AssumeRolePolicyDocument"],
            f"{resource.where}/Properties/AssumeRolePolicyDocument",
            "trust",
        )
        role.tags = {one["Key"]: str(one["Value"]) for one in properties.get("Tags", [])}
        try:
            for number, policy in enumerate(properties.get("Policies", [])):
                where = f"{resource.where}/Properties/Policies/{number}/PolicyDocument"
                role.identity += parse_policy(policy["PolicyDocument"], where)
        except TemplateError as error:
            role.not_evaluable.append(str(error))
        for arn in _known(properties, "ManagedPolicyArns", role) or ():
            role.identity += self._managed_policy(arn, role)
        boundary = _known(properties, "PermissionsBoundary", role)
        if boundary:
            role.boundary = tuple(self._managed_policy(boundary, role))
        return role

    def _managed_policy(self, arn: str, role: Role) -> Iterator[Statement]:
        if arn in self._managed:
            yield from _document(self._managed[arn], role)
            return
        statements = aws_managed_policy(arn) if is_aws_managed(arn) else None
        if statements is None:
            role.not_evaluable.append(f"what the managed policy {arn} allows is not known here")
        yield from statements or ()

    def _attach(self, policy: Resource, names: list[Json]) -> None:
        """Roles that are not the app's are not evaluated at all."""
        for name in names:
            role = self._by_name.get(name)
            if role is not None:
                role.identity += _document(policy, role)


def _document(policy: Resource, role: Role) -> tuple[Statement, ...]:
    document = _known(policy.properties, "PolicyDocument", role)
    return parse_policy(document, f"{policy.where}/Properties/PolicyDocument") if document else ()


def _known(properties: Mapping[str, Json], name: str, role: Role) -> Json:
    """None, and noted, where only AWS knows the value."""
    try:
        return properties.get(name)
    except InputError:
        raise
    except TemplateError as error:
        role.not_evaluable.append(str(error))
        return None
