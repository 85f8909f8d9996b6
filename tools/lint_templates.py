"""Lint the templates of a cloud assembly with cfn-lint, state machine definitions included.

cfn-lint looks into a definition only if it is plain, and the CDK writes it as an Fn::Join around
the names of other resources. So this lints copies in which every definition is plain: each name
that is known only once deployed has become an example of what it will be.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CFN_LINT = Path(sys.executable).with_name("cfn-lint")
IGNORED = [
    "W3005",  # The CDK writes a DependsOn even where a reference says the same.
]
EXAMPLES = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}


def example(value: Any) -> str:
    """Return a text that stands for a part of an Fn::Join."""
    if isinstance(value, str):
        return value
    return EXAMPLES.get(value.get("Ref", ""), "arn:aws:example:us-east-1:123456789012:name")


def without_language(value: dict[str, Any]) -> dict[str, Any]:
    """Every state may name its query language, and the CDK lets those inside of a Map do so;
    cfn-lint does not know it of Succeed.
    https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html"""
    if value.get("Type") == "Succeed":
        value.pop("QueryLanguage", None)
    return value


def make_plain(template: dict[str, Any]) -> int:
    """Make every state machine's definition in a template plain, and return how many there are."""
    machines = [
        resource["Properties"]
        for resource in template.get("Resources", {}).values()
        if resource["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    for properties in machines:
        text = properties.pop("DefinitionString")
        if isinstance(text, dict):
            separator, parts = text["Fn::Join"]
            text = separator.join(example(part) for part in parts)
        properties["Definition"] = json.loads(text, object_hook=without_language)
    return len(machines)


def main(arguments: list[str]) -> int:
    """Lint the templates in the folder that is the one argument."""
    (assembly,) = map(Path, arguments)
    templates = sorted(assembly.rglob("*.template.json"))
    machines = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in templates:
            template = json.loads(path.read_text(encoding="utf-8"))
            machines += make_plain(template)
            copy = Path(folder, path.relative_to(assembly).as_posix().replace("/", "."))
            copy.write_text(json.dumps(template, indent=1), encoding="utf-8")
        command = [str(CFN_LINT), "--regions", "us-east-1", "--ignore-checks", *IGNORED]
        command += ["--", f"{folder}/*"]
        status = subprocess.run(command, check=False).returncode if templates else 1
    print(f"cfn-lint: {len(templates)} templates, {machines} state machines, status {status}")
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
