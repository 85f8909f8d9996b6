"""Map states in distributed mode, from S3's objects to the output and back into S3."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from sfnlocal.errors import UnsupportedError
from sfnlocal.history import api_events
from sfnlocal.interpreter import Execution
from sfnlocal.reports.path import path_taken
from sfnlocal.testing import LocalApp, load

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "map_runs.json").read_text())
GET, LIST, PUT = (
    f"arn:aws:states:::s3:{action}" for action in ("getObject", "listObjectsV2", "putObject")
)
PICKY: dict[str, Any] = {
    "StartAt": "Look",
    "States": {
        "Look": {
            "Type": "Choice",
            "Choices": [{"Variable": "$", "StringEquals": "bad", "Next": "Refuse"}],
            "Default": "Take",
        },
        "Refuse": {"Type": "Fail", "Error": "Bad", "Cause": "it is bad"},
        "Take": {"Type": "Pass", "End": True},
    },
}
PASS: dict[str, Any] = {"StartAt": "Take", "States": {"Take": {"Type": "Pass", "End": True}}}
WAIT: dict[str, Any] = {
    "StartAt": "Sleep",
    "States": {"Sleep": {"Type": "Wait", "Seconds": 60, "End": True}},
}


def machine(
    state: dict[str, Any], processor: dict[str, Any] = PASS, execution_type: str = "STANDARD"
) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": execution_type}
    each = {
        "Type": "Map",
        "Label": "each",
        "ItemProcessor": {"ProcessorConfig": config, **processor},
        "Next": "End",
        **state,
    }
    return {"StartAt": "Each", "States": {"Each": each, "End": {"Type": "Succeed"}}}


def reader(input_type: str | None, **config: Any) -> dict[str, Any]:
    return {
        "Resource": GET,
        "Parameters": {"Bucket": "data", "Key": "file"},
        "ReaderConfig": {"InputType": input_type, **config},
    }


def of_case(case: dict[str, Any]) -> dict[str, Any]:
    state = dict(case.get("map", {}))
    if "reader" in case:
        state["ItemReader"] = reader(case["reader"], **case.get("config", {}))
    if "events" in case:
        state["End"] = True
    definition = machine(
        state, PICKY if "fails_on" in case else PASS, case.get("execution_type", "STANDARD")
    )
    if "events" in case:
        # As it was recorded: a state machine of one state.
        del definition["States"]["Each"]["Next"], definition["States"]["End"]
    return definition


def app_of(folder: Path, machines: dict[str, dict[str, Any]]) -> LocalApp:
    resources: dict[str, Any] = {
        "Data": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "data"}}
    }
    for name, definition in machines.items():
        role = "arn:aws:iam::123456789012:role/r"
        resources[name] = {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"StateMachineName": name, "RoleArn": role, "Definition": definition},
        }
    template = folder / "app.json"
    template.write_text(json.dumps({"Resources": resources}))
    return load(template)


MACHINES = {f"Case{index}": of_case(case) for index, case in enumerate(CASES)}
EXPORT = {"Resource": PUT, "Parameters": {"Bucket": "data", "Prefix": "out/"}}
MACHINES |= {
    "Listing": machine(
        {
            "ItemReader": {
                "Resource": LIST,
                "Parameters": {"Bucket": "data", "Prefix": "listed/"},
                "ReaderConfig": {"MaxItems": 2},
            }
        }
    ),
    "Batched": machine(
        {
            "ItemReader": reader("JSONL"),
            "ItemBatcher": {"MaxItemsPerBatch": 10},
            "ResultPath": None,
        }
    ),
    "Inventory": machine({"ItemReader": reader("MANIFEST")}),
    "Export": machine({"ResultWriter": EXPORT, "ToleratedFailureCount": 1}, PICKY),
    "Lines": machine(
        {
            "ResultWriter": {
                **EXPORT,
                "WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSONL"},
            }
        }
    ),
    "Nowhere": machine(
        {"ResultWriter": {"Resource": PUT, "Parameters": {"Bucket": "nowhere", "Prefix": "p"}}}
    ),
    "Slow": machine({"MaxConcurrency": 2}, WAIT),
    "Stopped": machine({"ResultWriter": EXPORT, "MaxConcurrency": 2}, WAIT),
    "Large": machine({"ItemsPath": "$.list", "ItemSelector": {"all.$": "$.text"}}),
    "Discarding": machine(
        {"ItemsPath": "$.list", "ItemSelector": {"all.$": "$.text"}, "ResultPath": None}
    ),
    "Raced": {
        "StartAt": "Race",
        "States": {
            "Race": {
                "Type": "Parallel",
                "Branches": [
                    {
                        "StartAt": "Each",
                        "States": {
                            "Each": {
                                "Type": "Map",
                                "ItemProcessor": {
                                    "ProcessorConfig": {
                                        "Mode": "DISTRIBUTED",
                                        "ExecutionType": "STANDARD",
                                    },
                                    **WAIT,
                                },
                                "End": True,
                            }
                        },
                    },
                    {
                        "StartAt": "Rest",
                        "States": {
                            "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Lose"},
                            "Lose": {"Type": "Fail", "Error": "Lost"},
                        },
                    },
                ],
                "End": True,
            }
        },
    },
    "Nested": machine(
        {},
        {
            "StartAt": "Inner",
            "States": {
                "Inner": {
                    "Type": "Map",
                    "ItemProcessor": {
                        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                        **PASS,
                    },
                    "End": True,
                }
            },
        },
    ),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApp]:
    with app_of(tmp_path_factory.mktemp("app"), MACHINES) as app:
        yield app


def run(app: LocalApp, name: str, input: Any) -> Execution:
    return app.run(name, input).execution


def put(app: LocalApp, key: str, body: str | bytes) -> None:
    app.client("s3").put_object(Bucket="data", Key=key, Body=body)


def got(app: LocalApp, key: str) -> str:
    text: str = app.client("s3").get_object(Bucket="data", Key=key)["Body"].read().decode()
    return text


def written(event: dict[str, Any]) -> str:
    words = [str(event["id"]), str(event["previousEventId"]), event["type"]]
    words += [
        str(details["length"])
        for details in event.values()
        if isinstance(details, dict) and "length" in details
    ]
    return " ".join(words)


@pytest.mark.parametrize(
    ("index", "case"), list(enumerate(CASES)), ids=[case["name"] for case in CASES]
)
def test_a_distributed_map_does_what_it_does_on_aws(
    index: int, case: dict[str, Any], app: LocalApp
) -> None:
    for key in ("file", "in/1", "in/2", "in/3"):
        app.client("s3").delete_object(Bucket="data", Key=key)
    if "object" in case:
        put(app, "file", case["object"])
    for key, body in case.get("objects", {}).items():
        put(app, key, body)
    execution = run(app, f"Case{index}", case.get("input", {}))
    if "error" in case:
        assert (execution.status, execution.error) == ("FAILED", case["error"])
    else:
        assert (execution.status, execution.output) == ("SUCCEEDED", case["output"]), (
            execution.cause
        )
    if "cause" in case:
        assert execution.cause == case["cause"]
    if "events" in case:
        assert [written(event) for event in api_events(execution.history)] == case["events"]


def test_objects_are_listed_as_items(app: LocalApp) -> None:
    for name in ("a", "b", "c"):
        put(app, f"listed/{name}", name)
    items = run(app, "Listing", {}).output
    assert [item["Key"] for item in items] == ["listed/a", "listed/b"]
    assert set(items[0]) == {"Etag", "Key", "LastModified", "Size", "StorageClass"}
    assert items[0]["Size"] == 1


def test_an_inventory_is_read_through_its_manifest(app: LocalApp) -> None:
    put(app, "part.csv.gz", gzip.compress(b'"data","k1","5"\n"data","k2","6"\n'))
    manifest = {
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "destinationBucket": "arn:aws:s3:::data",
        "files": [{"key": "part.csv.gz"}],
    }
    put(app, "file", json.dumps(manifest))
    assert run(app, "Inventory", {}).output == [
        {"Bucket": "data", "Key": "k1", "Size": "5"},
        {"Bucket": "data", "Key": "k2", "Size": "6"},
    ]


PARQUET = next(index for index, case in enumerate(CASES) if case.get("reader") == "PARQUET")


def parquet(rows: dict[str, list[Any]], **options: Any) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(rows), file, **options)
    return file.getvalue()


def test_the_rows_of_a_parquet_file_are_items(app: LocalApp) -> None:
    rows: dict[str, list[Any]] = {
        "id": list(range(1_200)),
        "name": [None, *["n"] * 1_199],
        "paid": [True] * 1_200,
        "share": [0.5, float("nan"), *[1.0] * 1_198],
        "price": [Decimal("1.50")] * 1_200,
        "day": [date(2026, 1, 2)] * 1_200,
        "at": [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)] * 1_200,
        "raw": [b"\x00"] * 1_200,
        "lines": [[{"sku": "mug"}]] * 1_200,
    }
    put(app, "file", parquet(rows, row_group_size=700, compression="zstd"))
    items = run(app, f"Case{PARQUET}", {}).output
    assert [item["id"] for item in items] == list(range(1_200))
    assert items[0] == {
        "id": 0,
        "name": None,
        "paid": True,
        "share": 0.5,
        "price": "1.50",
        "day": "2026-01-02",
        "at": "2026-01-02T03:04:05+00:00",
        "raw": "AA==",
        "lines": [{"sku": "mug"}],
    }
    assert items[1]["share"] == "nan"


def test_a_parquet_file_that_is_none_is_named(app: LocalApp) -> None:
    put(app, "file", "a,b")
    execution = run(app, f"Case{PARQUET}", {})
    assert execution.error == "States.ItemReaderFailed"
    assert str(execution.cause).startswith("s3://data/file: the Parquet file cannot be read: ")


def test_parquet_is_refused_by_name_where_pyarrow_is_missing(
    app: LocalApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(app, "file", parquet({"id": [1]}))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UnsupportedError, match="PARQUET needs pyarrow") as raised:
        run(app, f"Case{PARQUET}", {})
    assert (raised.value.where, raised.value.hint) == (
        "s3://data/file",
        "pip install 'sfnlocal[parquet]'",
    )


def test_files_of_athena_may_be_compressed(app: LocalApp) -> None:
    index = next(
        index for index, case in enumerate(CASES) if case["name"].startswith("an Athena manifest n")
    )
    put(app, "file", "s3://data/in/1\ns3://data/in/2\n")
    put(app, "in/1", gzip.compress(b"1\n2\n"))
    put(app, "in/2", gzip.compress(b"3\n")[:-9])
    execution = run(app, f"Case{index}", {})
    assert execution.error == "States.ItemReaderFailed"
    put(app, "in/2", b"\x28\xb5\x2f\xfd")
    assert run(app, f"Case{index}", {}).cause == (
        "s3://data/in/2: objects compressed with ZSTD are not read here."
    )
    put(app, "in/2", gzip.compress(b"3\n"))
    assert run(app, f"Case{index}", {}).output == [{"a": "1"}, {"a": "2"}, {"a": "3"}]


def test_an_item_that_no_child_can_take_is_named(app: LocalApp) -> None:
    index = next(index for index, case in enumerate(CASES) if case["name"] == "JSON Lines")
    put(app, "file", json.dumps("x" * 262_142) + "\n")
    # It fits; only as the result it has no room.
    assert run(app, f"Case{index}", {}).error == "States.DataLimitExceeded"
    put(app, "file", "1\n" + json.dumps("x" * 262_143) + "\n3")
    execution = run(app, f"Case{index}", {})
    assert execution.error == "States.ItemReaderFailed"
    assert execution.cause == (
        "s3://data/file: item 1 has 262145 bytes, more than the 262144 that a child execution's "
        "input can have."
    )


def test_no_batch_is_larger_than_an_input_can_be(app: LocalApp) -> None:
    put(app, "file", "\n".join([json.dumps("x" * 100_000)] * 5))
    execution = run(app, "Batched", {})
    (map_run,) = app.session.map_runs.of_execution(execution.arn)
    assert map_run.execution_counts["SUCCEEDED"] == 3
    assert map_run.item_counts["SUCCEEDED"] == 5


def test_a_long_json_file_is_cut_nowhere(app: LocalApp) -> None:
    items = [index * 1_000_003 for index in range(5_000)]
    put(app, "file", json.dumps([items, "é" * 30_000, *items[:100]]))
    case = next(
        index for index, one in enumerate(CASES) if one["name"].startswith("a JSON file is")
    )
    assert run(app, f"Case{case}", {}).output == [items, "é" * 30_000, *items[:100]]


def test_results_are_exported_by_status(app: LocalApp) -> None:
    output = run(app, "Export", ["good", "bad"]).output
    run_id = output["MapRunArn"].rpartition(":")[2]
    assert output["MapRunArn"].rpartition(":")[0].endswith("mapRun:Export/each")
    assert output["ResultWriterDetails"] == {"Bucket": "data", "Key": f"out/{run_id}/manifest.json"}
    manifest = json.loads(got(app, output["ResultWriterDetails"]["Key"]))
    files = manifest["ResultFiles"]
    assert (manifest["DestinationBucket"], files["PENDING"]) == ("data", [])
    (good,) = json.loads(got(app, f"out/{run_id}/SUCCEEDED_0.json"))
    (bad,) = json.loads(got(app, f"out/{run_id}/FAILED_0.json"))
    assert (good["Input"], good["Output"], good["Status"]) == ('"good"', '"good"', "SUCCEEDED")
    assert (bad["Error"], bad["Cause"], bad["Status"]) == ("Bad", "it is bad", "FAILED")
    assert good["StateMachineArn"].endswith("stateMachine:Export/each")
    assert f":execution:Export/each:{good['Name']}" in good["ExecutionArn"]
    assert files["FAILED"][0]["Size"] == len(got(app, files["FAILED"][0]["Key"]))


def test_results_are_exported_as_flat_lines(app: LocalApp) -> None:
    output = run(app, "Lines", [[1, 2], {"a": 3}]).output
    key = output["ResultWriterDetails"]["Key"].replace("manifest.json", "SUCCEEDED_0.jsonl")
    assert got(app, key) == '1\n2\n{"a":3}\n'


def test_an_export_to_no_bucket_fails_the_run(app: LocalApp) -> None:
    execution = run(app, "Nowhere", [1])
    assert execution.error == "States.ResultWriterFailed"
    assert "NoSuchBucket" in str(execution.cause)


def test_so_many_children_run_as_may(app: LocalApp) -> None:
    execution = run(app, "Slow", [1, 2, 3, 4, 5])
    assert execution.stop_ms is not None
    assert execution.stop_ms - execution.start_ms == 180_000


def test_children_know_their_map_run_and_have_their_own_history(app: LocalApp) -> None:
    started = app.start("Slow", [1, 2, 3]).execution
    session = app.session
    (map_run,) = session.map_runs.of_execution(started.arn)
    session.advance(1_000)
    children = list(session.map_runs.children(map_run))
    assert [child.input for child in children] == [2, 1]
    assert {child.status for child in children} == {"RUNNING"}
    assert children[0].state_machine_arn.endswith(":stateMachine:Slow/each")
    session.map_runs.update(map_run, 3, None, None)
    session.advance(1_000)
    assert map_run.execution_counts["RUNNING"] == 3
    session.run(started)
    assert children[0].history[-1][0] == "ExecutionSucceeded"
    assert map_run.execution_counts == {
        "RUNNING": 0, "SUCCEEDED": 3, "FAILED": 0, "TIMED_OUT": 0, "ABORTED": 0,
    }  # fmt: skip


def test_an_execution_that_is_stopped_stops_its_children(app: LocalApp) -> None:
    started = app.start("Stopped", [1, 2, 3]).execution
    session = app.session
    session.advance(1_000)
    (map_run,) = session.map_runs.of_execution(started.arn)
    session.stop_execution(started.arn)
    assert map_run.status == "ABORTED"
    assert {child.status for child in session.map_runs.children(map_run)} == {"ABORTED"}
    session.run_until_idle()
    assert map_run.children == 2


def test_results_that_do_not_fit_into_the_output_fail_the_state(app: LocalApp) -> None:
    text = {"list": list(range(60)), "text": "x" * 5_000}
    assert run(app, "Large", text).error == "States.DataLimitExceeded"
    assert run(app, "Discarding", text).status == "SUCCEEDED"


def test_a_child_runs_a_map_of_its_own(app: LocalApp) -> None:
    assert run(app, "Nested", [[1, 2], [3]]).output == [[1, 2], [3]]


def test_the_path_taken_tells_of_the_runs_that_failed(app: LocalApp) -> None:
    case = next(index for index, one in enumerate(CASES) if one["name"] == "the run is retried")
    app.client("s3").delete_object(Bucket="data", Key="file")
    (visit,) = path_taken(run(app, f"Case{case}", {}))
    assert visit.outcome == "failed"
    assert [attempt.error for attempt in visit.attempts] == ["States.ItemReaderFailed"] * 2


def test_a_map_inside_a_parallel_state_is_aborted_with_it(app: LocalApp) -> None:
    execution = run(app, "Raced", [1, 2])
    types = [event[0] for event in execution.history]
    assert (execution.status, execution.error) == ("FAILED", "Lost")
    assert types.index("MapRunAborted") + 1 == types.index("MapStateAborted")
    (map_run,) = app.session.map_runs.of_execution(execution.arn)
    assert (map_run.status, map_run.execution_counts["ABORTED"]) == ("ABORTED", 2)
