"""How each resource type is named and what Ref, its ARN and Fn::GetAtt give, as one table.

A rule is a text with fields: lower-case fields are facts of the resource (`name`, `arn`, `uuid`,
`id`, ...), others are its properties (`{StageName}`); or it is a function of the facts. Rules are
carried out lazily. Types that are not in the table have a Ref, and no attributes.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from sfnlocal.errors import TemplateError
from sfnlocal.ports import Json


class Facts(Protocol):
    """What rules are made from. `property` gives None where the property is not set;
    `ordinal(name)` counts, from 1, the resources of this type with the same property `name`."""

    where: str

    def __getitem__(self, name: str, /) -> str: ...
    def property(self, name: str) -> Json: ...
    def ordinal(self, name: str) -> int: ...


Rule: TypeAlias = str | Callable[[Facts], str]


def apply(rule: Rule, facts: Facts) -> str:
    return rule.format_map(facts) if isinstance(rule, str) else rule(facts)


@dataclass(frozen=True, slots=True)
class Kind:
    """`name_property` names the resource; without it, or where the template leaves it out, the
    name is made of at most `name_chars_max` characters. `fifo_property` set to true adds .fifo."""

    name_property: str = ""
    name_chars_max: int = 255
    ref: Rule = "{name}"
    arn: Rule = ""
    attributes: Mapping[str, Rule] = field(default_factory=lambda: {"Arn": "{arn}"})
    lower_case: bool = False
    fifo_property: str = ""


def _named(
    arn: str, name_property: str = "Name", name_chars_max: int = 64, **attributes: Rule
) -> Kind:
    """Ref gives the name; Arn and `attributes` are there."""
    return Kind(name_property, name_chars_max, arn=arn, attributes={"Arn": "{arn}", **attributes})


def _by_arn(arn: Rule, name_property: str = "", name_chars_max: int = 80, **more: Rule) -> Kind:
    """Ref gives the ARN; `more` are all its attributes."""
    return Kind(name_property, name_chars_max, ref="{arn}", arn=arn, attributes=more)


def _by_id(attribute: str = "", **more: Rule) -> Kind:
    """Ref gives an id made by AWS, as does `attribute`."""
    return Kind(ref="{id}", attributes={attribute: "{id}", **more} if attribute else more)


def _function_arn(facts: Facts, property_name: str = "FunctionName") -> str:
    """The property is a name, an ARN, or `account:function:name`."""
    text = facts[property_name]
    if text.startswith("arn:"):
        return ":".join(text.split(":")[:7])
    name = text.split(":")[2] if ":function:" in text else text.split(":")[0]
    return "arn:{partition}:lambda:{region}:{account}:function:".format_map(facts) + name


def _url_function_arn(facts: Facts) -> str:
    return _function_arn(facts, "TargetFunctionArn")


def _version_number(facts: Facts) -> str:
    """AWS counts versions up; here each template begins at 1."""
    return str(facts.ordinal("FunctionName"))


def _version_arn(facts: Facts) -> str:
    return f"{_function_arn(facts)}:{_version_number(facts)}"


def _lambda_alias_arn(facts: Facts) -> str:
    return f"{_function_arn(facts)}:{facts['Name']}"


def _machine_version_arn(facts: Facts) -> str:
    return f"{facts['StateMachineArn']}:{facts.ordinal('StateMachineArn')}"


def _machine_alias_arn(facts: Facts) -> str:
    preference = facts.property("DeploymentPreference") or {}
    version = preference.get("StateMachineVersionArn")
    for route in facts.property("RoutingConfiguration") or []:
        version = version or route.get("StateMachineVersionArn")
    if not isinstance(version, str):
        raise TemplateError("the alias names no state machine version", where=facts.where)
    return f"{version.rpartition(':')[0]}:{facts['name']}"


def _stream_arn(facts: Facts) -> str:
    if not facts.property("StreamSpecification"):
        raise TemplateError("the table has no stream", where=facts.where)
    return "{arn}/stream/2026-01-01T00:00:00.000".format_map(facts)


def _rule_path(facts: Facts) -> str:
    """`bus/rule`, where the bus is not the default one."""
    bus = str(facts.property("EventBusName") or "default").rpartition("/")[2]
    return facts["name"] if bus == "default" else f"{bus}/{facts['name']}"


def _rule_arn(facts: Facts) -> str:
    return "arn:{partition}:events:{region}:{account}:rule/".format_map(facts) + _rule_path(facts)


def _schedule_arn(facts: Facts) -> str:
    group = facts.property("GroupName") or "default"
    text = "arn:{partition}:scheduler:{region}:{account}:schedule/".format_map(facts)
    return f"{text}{group}/{facts['name']}"


def _iam_arn(kind: str) -> Rule:
    def rule(facts: Facts) -> str:
        path = facts.property("Path") or "/"
        return f"arn:{{partition}}:iam::{{account}}:{kind}{path}{{name}}".format_map(facts)

    return rule


_LAMBDA = "arn:{partition}:lambda:{region}:{account}"
_STATES = "arn:{partition}:states:{region}:{account}"
_EVENTS = "arn:{partition}:events:{region}:{account}"
_ALARM = "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"
_TABLE: Mapping[str, Rule] = {"Arn": "{arn}", "StreamArn": _stream_arn}
_TABLE_ARN = "arn:{partition}:dynamodb:{region}:{account}:table/{name}"

OTHER = Kind(name_chars_max=128, attributes={})

KINDS: Mapping[str, Kind] = {
    "AWS::StepFunctions::StateMachine": _by_arn(
        f"{_STATES}:stateMachine:{{name}}",
        "StateMachineName",
        Arn="{arn}",
        Name="{name}",
        StateMachineRevisionId="{uuid}",
    ),
    "AWS::StepFunctions::StateMachineVersion": _by_arn(_machine_version_arn, Arn="{arn}"),
    "AWS::StepFunctions::StateMachineAlias": _by_arn(_machine_alias_arn, "Name", Arn="{arn}"),
    "AWS::StepFunctions::Activity": _by_arn(
        f"{_STATES}:activity:{{name}}", "Name", Arn="{arn}", Name="{name}"
    ),
    "AWS::Lambda::Function": _named(f"{_LAMBDA}:function:{{name}}", "FunctionName"),
    "AWS::Lambda::Version": _by_arn(_version_arn, FunctionArn="{arn}", Version=_version_number),
    "AWS::Lambda::Alias": _by_arn(_lambda_alias_arn, AliasArn="{arn}"),
    "AWS::Lambda::LayerVersion": _by_arn(
        f"{_LAMBDA}:layer:{{name}}:1", "LayerName", 140, LayerVersionArn="{arn}"
    ),
    "AWS::Lambda::EventSourceMapping": Kind(
        ref="{uuid}",
        arn=f"{_LAMBDA}:event-source-mapping:{{uuid}}",
        attributes={"Id": "{uuid}", "EventSourceMappingArn": "{arn}"},
    ),
    "AWS::Lambda::Url": Kind(
        ref=_url_function_arn,
        attributes={
            "FunctionArn": _url_function_arn,
            "FunctionUrl": "https://{id}.lambda-url.{region}.on.aws/",
        },
    ),
    "AWS::Lambda::Permission": _by_id("Id"),
    "AWS::SQS::Queue": Kind(
        "QueueName",
        80,
        ref="https://sqs.{region}.{url_suffix}/{account}/{name}",
        arn="arn:{partition}:sqs:{region}:{account}:{name}",
        attributes={"Arn": "{arn}", "QueueName": "{name}", "QueueUrl": "{ref}"},
        fifo_property="FifoQueue",
    ),
    "AWS::SNS::Topic": Kind(
        "TopicName",
        256,
        ref="{arn}",
        arn="arn:{partition}:sns:{region}:{account}:{name}",
        attributes={"TopicArn": "{arn}", "TopicName": "{name}"},
        fifo_property="FifoTopic",
    ),
    "AWS::SNS::Subscription": _by_arn("{TopicArn}:{uuid}", Arn="{arn}"),
    "AWS::DynamoDB::Table": Kind("TableName", arn=_TABLE_ARN, attributes=_TABLE),
    "AWS::DynamoDB::GlobalTable": Kind(
        "TableName", arn=_TABLE_ARN, attributes={**_TABLE, "TableId": "{uuid}"}
    ),
    "AWS::S3::Bucket": Kind(
        "BucketName",
        63,
        arn="arn:{partition}:s3:::{name}",
        attributes={
            "Arn": "{arn}",
            "DomainName": "{name}.s3.{url_suffix}",
            "DualStackDomainName": "{name}.s3.dualstack.{region}.{url_suffix}",
            "RegionalDomainName": "{name}.s3.{region}.{url_suffix}",
        },
        lower_case=True,
    ),
    "AWS::IoT::TopicRule": Kind(
        "RuleName",
        128,
        arn="arn:{partition}:iot:{region}:{account}:rule/{name}",
        attributes={"Arn": "{arn}"},
    ),
    "AWS::Events::Rule": Kind(
        "Name",
        64,
        ref=lambda facts: _rule_path(facts).replace("/", "|"),
        arn=_rule_arn,
        attributes={"Arn": "{arn}", "RuleName": "{name}"},
    ),
    "AWS::Events::EventBus": _named(f"{_EVENTS}:event-bus/{{name}}", "Name", 256, Name="{name}"),
    "AWS::Events::Connection": _named(
        f"{_EVENTS}:connection/{{name}}/{{uuid}}",
        ArnForPolicy=f"{_EVENTS}:connection/{{name}}",
        SecretArn="arn:{partition}:secretsmanager:{region}:{account}:"
        "secret:events!connection/{name}/{uuid}",
    ),
    "AWS::Events::ApiDestination": _named(
        f"{_EVENTS}:api-destination/{{name}}/{{uuid}}",
        ArnForPolicy=f"{_EVENTS}:api-destination/{{name}}",
    ),
    "AWS::Events::Archive": _named(f"{_EVENTS}:archive/{{name}}", "ArchiveName", 48),
    "AWS::Scheduler::Schedule": Kind("Name", 64, arn=_schedule_arn),
    "AWS::Scheduler::ScheduleGroup": _named(
        "arn:{partition}:scheduler:{region}:{account}:schedule-group/{name}"
    ),
    "AWS::Pipes::Pipe": _named("arn:{partition}:pipes:{region}:{account}:pipe/{name}"),
    "AWS::ApiGatewayV2::Api": _by_id(
        "ApiId",
        ApiEndpoint="https://{id}.execute-api.{region}.{url_suffix}",
        ExecuteApiArn="arn:{partition}:execute-api:{region}:{account}:{id}",
    ),
    "AWS::ApiGatewayV2::Stage": Kind("StageName", ref="{StageName}", attributes={}),
    "AWS::ApiGatewayV2::Route": _by_id("RouteId"),
    "AWS::ApiGatewayV2::Integration": _by_id("IntegrationId"),
    "AWS::ApiGatewayV2::Authorizer": _by_id("AuthorizerId"),
    "AWS::ApiGatewayV2::Deployment": _by_id("DeploymentId"),
    "AWS::ApiGateway::RestApi": _by_id("RestApiId", RootResourceId="{root_id}"),
    "AWS::ApiGateway::Resource": _by_id("ResourceId"),
    "AWS::ApiGateway::Deployment": _by_id("DeploymentId"),
    "AWS::ApiGateway::Stage": Kind("StageName", ref="{StageName}", attributes={}),
    "AWS::IAM::Role": Kind(
        "RoleName",
        64,
        arn=_iam_arn("role"),
        attributes={"Arn": "{arn}", "RoleId": "AROA{id_upper}"},
    ),
    "AWS::IAM::User": Kind("UserName", 64, arn=_iam_arn("user")),
    "AWS::IAM::Group": Kind("GroupName", 128, arn=_iam_arn("group")),
    "AWS::IAM::InstanceProfile": Kind("InstanceProfileName", 128, arn=_iam_arn("instance-profile")),
    "AWS::IAM::ManagedPolicy": Kind(
        "ManagedPolicyName",
        128,
        ref="{arn}",
        arn=_iam_arn("policy"),
        attributes={"PolicyArn": "{arn}", "PolicyId": "ANPA{id_upper}"},
    ),
    "AWS::IAM::Policy": _by_id("Id"),
    "AWS::KMS::Key": Kind(
        ref="{uuid}",
        arn="arn:{partition}:kms:{region}:{account}:key/{uuid}",
        attributes={"Arn": "{arn}", "KeyId": "{uuid}"},
    ),
    "AWS::KMS::Alias": Kind(
        "AliasName", arn="arn:{partition}:kms:{region}:{account}:{AliasName}", attributes={}
    ),
    "AWS::SecretsManager::Secret": _by_arn(
        "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-{id6}",
        "Name",
        512,
        Id="{arn}",
    ),
    "AWS::SSM::Parameter": Kind(
        "Name",
        1011,
        arn=lambda facts: (
            "arn:{partition}:ssm:{region}:{account}:parameter/".format_map(facts)
            + facts["name"].removeprefix("/")
        ),
        attributes={"Arn": "{arn}", "Name": "{name}", "Type": "{Type}", "Value": "{Value}"},
    ),
    "AWS::CloudWatch::Alarm": _named(_ALARM, "AlarmName", 255),
    "AWS::CloudWatch::CompositeAlarm": _named(_ALARM, "AlarmName", 255),
    "AWS::CloudWatch::Dashboard": Kind("DashboardName", attributes={}),
    "AWS::Logs::LogGroup": _named(
        "arn:{partition}:logs:{region}:{account}:log-group:{name}:*", "LogGroupName", 512
    ),
    "AWS::Logs::LogStream": Kind("LogStreamName", 512, attributes={}),
    "AWS::EC2::VPC": Kind(ref="vpc-{id17}", attributes={"VpcId": "{ref}"}),
    "AWS::EC2::Subnet": Kind(ref="subnet-{id17}", attributes={"SubnetId": "{ref}"}),
    "AWS::EC2::SecurityGroup": Kind(ref="sg-{id17}", attributes={"GroupId": "{ref}"}),
    "AWS::ECS::Cluster": _named(
        "arn:{partition}:ecs:{region}:{account}:cluster/{name}", "ClusterName", 255
    ),
    "AWS::ECS::TaskDefinition": _by_arn(
        "arn:{partition}:ecs:{region}:{account}:task-definition/{name}:1",
        "Family",
        255,
        TaskDefinitionArn="{arn}",
    ),
    "AWS::Kinesis::Stream": _named(
        "arn:{partition}:kinesis:{region}:{account}:stream/{name}", "Name", 128
    ),
    "AWS::KinesisFirehose::DeliveryStream": _named(
        "arn:{partition}:firehose:{region}:{account}:deliverystream/{name}", "DeliveryStreamName"
    ),
    "AWS::CloudFormation::Stack": Kind(
        ref="arn:{partition}:cloudformation:{region}:{account}:stack/{name}/{uuid}", attributes={}
    ),
}
