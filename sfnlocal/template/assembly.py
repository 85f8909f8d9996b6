"""Finds the templates of a cloud assembly (`cdk.out`) and the assets on this machine.

Files only, nothing is resolved here. A single CloudFormation template (JSON or YAML) is read as an
assembly of one stack. The formats: https://github.com/aws/aws-cdk-cli, package
@aws-cdk/cloud-assembly-schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sfnlocal.errors import AssemblyError, TemplateError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.template.yaml_templates import YAML_SUFFIXES, parse_yaml

_SYNTH_HINT = "write the cloud assembly first: `cdk synth`, or `python app.py`"
_TRANSFORMS = ("AWS::LanguageExtensions",)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file asset. `packaging` is `zip` where the CDK zips the folder `path` when it publishes,
    `file` where `path` is published as it is. `path` is None where a command makes the asset."""

    path: Path | None
    packaging: str


@dataclass(frozen=True, slots=True)
class StackSource:
    """One template. `label` names its file in messages. `account` and `region` are None where the
    stack is environment-agnostic. `assets` by S3 key; `paths` are construct paths by logical id;
    `metadata` is the assembly's, from which nested stacks take their paths."""

    name: str
    file: Path
    label: str
    template: Mapping[str, Json]
    account: str | None = None
    region: str | None = None
    assets: Mapping[str, Asset] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Json] = field(default_factory=dict, repr=False)

    def find_asset(self, s3_key_or_url: str) -> Asset | None:
        found = self.assets.get(s3_key_or_url)
        if found is not None:
            return found
        return next(
            (asset for key, asset in self.assets.items() if s3_key_or_url.endswith(f"/{key}")),
            None,
        )

    def nested(self, name: str, template_url: str, where: str) -> StackSource:
        """The nested stack `name` whose template is the asset, or the local file, at the URL."""
        asset = self.find_asset(template_url)
        path = asset.path if asset else self.file.parent / template_url
        if path is None or not path.is_file():
            raise TemplateError(f"the template {template_url} is not in the assembly", where=where)
        label = str(Path(self.label).parent / path.name)
        return replace(
            self,
            name=name,
            file=path,
            label=label,
            template=_read_template(path, label),
            paths=_construct_paths(self.metadata, path.name),
        )


def read_stacks(folder: Path) -> list[StackSource]:
    """The stacks of an assembly, nested assemblies (stages) included, nested stacks not; or the
    one stack of a template file. Raises AssemblyError."""
    if folder.is_file():
        template = _read_template(folder, folder.name)
        name = folder.name.split(".")[0]
        return [StackSource(name, folder, folder.name, template)]
    if not folder.is_dir():
        raise AssemblyError("there is no such folder", where=str(folder), hint=_SYNTH_HINT)
    if not (folder / "manifest.json").is_file():
        inside = folder / "cdk.out"
        found = (inside / "manifest.json").is_file()
        hint = f"the cloud assembly is in {inside}" if found else _SYNTH_HINT
        raise AssemblyError("no cloud assembly: no manifest.json", where=str(folder), hint=hint)
    stacks = list(_read_manifest(folder, Path()))
    if not stacks:
        raise AssemblyError("the cloud assembly has no stacks", where=str(folder), hint=_SYNTH_HINT)
    return stacks


def read_json(path: Path, label: str) -> Json:
    """Raises AssemblyError where the file is missing or is no JSON."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise AssemblyError("the file is missing", where=label, hint=_SYNTH_HINT) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise AssemblyError(f"not JSON: {error}", where=label, hint=_SYNTH_HINT) from None


def _read_manifest(folder: Path, inside: Path) -> Iterator[StackSource]:
    label = str(inside / "manifest.json")
    manifest = read_json(folder / "manifest.json", label)
    artifacts = manifest.get("artifacts", {}) if isinstance(manifest, dict) else None
    if not isinstance(artifacts, dict):
        raise AssemblyError("not a cloud assembly's manifest", where=label, hint=_SYNTH_HINT)
    assets: dict[str, Asset] = {}
    for artifact in _of_type(artifacts, "cdk:asset-manifest"):
        file = artifact["properties"]["file"]
        assets |= _read_assets(folder, read_json(folder / file, str(inside / file)))
    for artifact in _of_type(artifacts, "aws:cloudformation:stack"):
        yield _read_stack(folder, inside, artifact, assets)
    for artifact in _of_type(artifacts, "cdk:cloud-assembly"):
        name = artifact["properties"]["directoryName"]
        yield from _read_manifest(folder / name, inside / name)


def _of_type(artifacts: Mapping[str, Json], type_name: str) -> Iterator[dict[str, Json]]:
    for artifact_id, artifact in artifacts.items():
        if artifact.get("type") == type_name:
            yield {"id": artifact_id, **artifact}


def _read_stack(
    folder: Path, inside: Path, artifact: Mapping[str, Json], assets: Mapping[str, Asset]
) -> StackSource:
    properties = artifact["properties"]
    file = properties["templateFile"]
    template = _read_template(folder / file, str(inside / file))
    metadata = artifact.get("metadata", {})
    more = artifact.get("additionalMetadataFile")
    if more and not _has_paths(template):
        metadata = metadata | read_json(folder / more, str(inside / more))
    account, region = artifact.get("environment", "aws:///").removeprefix("aws://").split("/", 1)
    return StackSource(
        name=properties.get("stackName", artifact["id"]),
        file=folder / file,
        label=str(inside / file),
        template=template,
        account=account if account.isdigit() else None,
        region=None if region in ("", "unknown-region") else region,
        assets=assets,
        paths=_construct_paths(metadata, file),
        metadata=metadata,
    )


def _read_assets(folder: Path, manifest: Mapping[str, Json]) -> dict[str, Asset]:
    assets: dict[str, Asset] = {}
    for file in manifest.get("files", {}).values():
        source = file["source"]
        path = (folder / source["path"]).resolve() if "path" in source else None
        asset = Asset(path, source.get("packaging", "file"))
        for destination in file["destinations"].values():
            assets[destination["objectKey"]] = asset
    return assets


def _read_template(path: Path, label: str) -> Mapping[str, Json]:
    if path.suffix in YAML_SUFFIXES:
        template = parse_yaml(path.read_text("utf-8"), label)
    else:
        template = read_json(path, label)
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise AssemblyError("not a CloudFormation template: it has no Resources", where=label)
    for logical_id, resource in template["Resources"].items():
        where = f"{label}#/Resources/{logical_id}"
        if logical_id.startswith("Fn::"):
            raise UnsupportedError(f"{logical_id} is not supported", where=where)
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise AssemblyError("not a resource: it has no Type", where=where)
    transforms = template.get("Transform", [])
    for transform in [transforms] if isinstance(transforms, str) else transforms:
        if transform not in _TRANSFORMS:
            raise UnsupportedError(
                f"the transform {transform} runs in AWS only",
                where=label,
                hint="use the template that the transform gives",
            )
    return template


def _has_paths(template: Mapping[str, Json]) -> bool:
    """The CDK command line has construct paths written into the template, `python app.py` not."""
    return any(
        "aws:cdk:path" in resource.get("Metadata", {})
        for resource in template["Resources"].values()
    )


def _construct_paths(metadata: Mapping[str, Json], template_file: str) -> dict[str, str]:
    """Construct paths by logical id, of this template only: a nested stack's constructs stand
    under the path that names its template file."""
    templates: dict[str, str] = {}
    constructs: list[tuple[str, str]] = []
    for path, entries in metadata.items():
        for entry in entries:
            if entry.get("type") == "aws:cdk:templateFile":
                templates[path] = entry["data"]
            elif entry.get("type") == "aws:cdk:logicalId":
                constructs.append((path, entry["data"]))
    return {
        logical_id: path.lstrip("/")
        for path, logical_id in constructs
        if _template_of(path, templates, template_file) == template_file
    }


def _template_of(path: str, templates: Mapping[str, str], default: str) -> str:
    while path:
        path = path.rpartition("/")[0]
        if path in templates:
            return templates[path]
    return default
