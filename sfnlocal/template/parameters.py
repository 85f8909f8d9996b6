"""Values of template parameters and Systems Manager parameters, found without AWS.

A parameter of type AWS::SSM::Parameter::Value has the *name* of a Systems Manager parameter as its
value. Its value is what the caller gave for that name, what the app itself stores under it, or one
of the public names below; anything else is refused by name.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sfnlocal.errors import NeedsAwsError, TemplateError
from sfnlocal.ports import Json

_SSM_VALUE = "AWS::SSM::Parameter::Value<"

_POWERTOOLS_LAYER = re.compile(
    r"/aws/service/powertools/python/(?P<architecture>\w+)/python(?P<runtime>[\d.]+)/.+"
)
_BOOTSTRAP_VERSION = re.compile(r"/cdk-bootstrap/[^/]+/version")

# Where AWS publishes the layer: https://docs.aws.amazon.com/powertools/python/latest/getting-started/install/
_POWERTOOLS_ACCOUNT = "017000801446"
# Only the template's Rules look at it: they want 6 or more.
_BOOTSTRAP_VERSION_VALUE = "30"


@dataclass(frozen=True, slots=True)
class ParameterValues:
    """`given` by the caller; `in_app` finds a Systems Manager parameter of the app by its name
    (None: there is none)."""

    given: Mapping[str, str]
    in_app: Callable[[str], str | None]

    def given_value(self, stack: str, name: str) -> str | None:
        return self.given.get(f"{stack}:{name}", self.given.get(name))

    def template_parameter(
        self, stack: str, name: str, declaration: Mapping[str, Json], region: str, where: str
    ) -> Json:
        """`given` as `name` or `stack:name`, else the default."""
        value: Json = self.given_value(stack, name)
        if value is None:
            value = declaration.get("Default")
        if value is None:
            raise NeedsAwsError(
                f"the template parameter {name} has no default value",
                where=where,
                hint=how_to_give(name),
            )
        return self.typed(declaration, value, region, where)

    def typed(self, declaration: Mapping[str, Json], value: Json, region: str, where: str) -> Json:
        """`value` as Ref gives it: lists are split, Systems Manager names are looked up."""
        kind = str(declaration.get("Type", "String"))
        allowed = declaration.get("AllowedValues")
        if allowed and str(value) not in map(str, allowed):
            raise TemplateError(f"{value!r} is not one of {allowed}", where=where)
        if kind.startswith(_SSM_VALUE):
            value = self.stored(str(value), region, where)
            kind = kind.removeprefix(_SSM_VALUE).removesuffix(">")
        if isinstance(value, list):
            return value
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            return [item.strip() for item in str(value).split(",")]
        return str(value)

    def stored(self, name: str, region: str, where: str) -> str:
        """The value of the Systems Manager parameter `name`."""
        value = self.given.get(name)
        if value is None:
            value = self.in_app(name)
        if value is None:
            value = public_parameter(name, region)
        if value is None:
            raise NeedsAwsError(
                f"the Systems Manager parameter {name} is not known without AWS",
                where=where,
                hint=how_to_give(name),
            )
        return value

    def dynamic_reference(self, text: str, region: str, where: str) -> str:
        """The value of `resolve:service:name`: the caller's for this very text, else looked up."""
        if text in self.given:
            return self.given[text]
        _, service, *rest = text.split(":")
        if service == "ssm" and rest:
            return self.stored(rest[0], region, where)
        raise NeedsAwsError(
            f"the dynamic reference {{{{{text}}}}} is not known without AWS",
            where=where,
            hint=how_to_give(text),
        )


def how_to_give(name: str) -> str:
    return f"give its value: load_app(..., parameters={{{name!r}: '...'}})"


def public_parameter(name: str, region: str) -> str | None:
    """Parameters that AWS or the CDK keep in every account.

    A Powertools layer gets an ARN of the shape that AWS gives, with layer version 1: which version
    it really is only AWS knows, and here the code comes from this machine's packages anyway.
    """
    if _BOOTSTRAP_VERSION.fullmatch(name):
        return _BOOTSTRAP_VERSION_VALUE
    layer = _POWERTOOLS_LAYER.fullmatch(name)
    if layer is None:
        return None
    runtime = layer["runtime"].replace(".", "")
    return (
        f"arn:aws:lambda:{region}:{_POWERTOOLS_ACCOUNT}:layer:"
        f"AWSLambdaPowertoolsPythonV3-python{runtime}-{layer['architecture']}:1"
    )
