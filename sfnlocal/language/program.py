"""A compiled definition: frozen data that the interpreter runs and everything else reads.

An absent field is None and costs nothing at run time. Every expression is an `Evaluator`; its
`data` is the JSONPath root (`$`), or for JSONata the `$states` object without `context`, which
is added where the expression reads it. Amazon States Language: https://states-language.net/spec.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from sfnlocal.ports import Json, Rng, TaskResource

QueryLanguage: TypeAlias = Literal["JSONPath", "JSONata"]


class Scope(Protocol):
    """What an expression sees beside its data: the frame that evaluates it."""

    @property
    def variables(self) -> Mapping[str, Json]: ...
    @property
    def now_ms(self) -> int: ...
    @property
    def rng(self) -> Rng: ...
    def context(self) -> dict[str, Json]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Evaluator:
    """A compiled expression. `call(data, scope)` gives its value or raises StateError with a
    cause that does not name the state (the interpreter puts "An error occurred while executing
    the state ..." before it).

    The size of the result in bytes is at most `constant_bytes` plus `references` times the
    largest of data, variables and Context object; `references` None means that only counting
    tells.
    """

    call: Callable[[Json, Scope], Json]
    constant_bytes: int = 0
    references: int | None = 0


@dataclass(frozen=True, slots=True)
class ResultPath:
    """Where a result is put into the state's input. `steps` are object keys and array indexes;
    no steps mean `$` (the result replaces the input); `discard` is ResultPath null."""

    steps: tuple[str | int, ...] = ()
    discard: bool = False


@dataclass(frozen=True, slots=True)
class Retrier:
    error_equals: tuple[str, ...]
    interval_seconds: int = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_seconds: int | None = None
    full_jitter: bool = False


@dataclass(frozen=True, slots=True)
class Catcher:
    error_equals: tuple[str, ...]
    next: str
    result_path: ResultPath | None = None
    output: Evaluator | None = None
    assign: Evaluator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What all states have. JSONPath states use input_path to output_path, JSONata states
    arguments and output; `assign` evaluates to an object of variables."""

    name: str
    type: str
    pointer: str
    query_language: QueryLanguage
    next: str | None = None
    comment: str | None = None
    input_path: Evaluator | None = None
    parameters: Evaluator | None = None
    result_selector: Evaluator | None = None
    result_path: ResultPath | None = None
    output_path: Evaluator | None = None
    output: Evaluator | None = None
    assign: Evaluator | None = None
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassState(State):
    """`result` is the JSONPath field Result (an Evaluator, since a constant has a size too)."""

    result: Evaluator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceedState(State):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class FailState(State):
    """`error` and `cause` evaluate to strings."""

    error: Evaluator | None = None
    cause: Evaluator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitState(State):
    """`until_ms` evaluates to the end of the wait, in epoch milliseconds."""

    until_ms: Evaluator


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """`condition` evaluates to a bool. A JSONPath rule has no output, a JSONata one may."""

    condition: Evaluator
    next: str
    output: Evaluator | None = None
    assign: Evaluator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceState(State):
    choices: tuple[ChoiceRule, ...]
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState(State):
    """`arguments` is JSONata's (JSONPath uses `parameters`). `timeout_seconds` and
    `heartbeat_seconds` evaluate to a positive int; `role_arn` (Credentials) to a string."""

    resource: TaskResource
    arguments: Evaluator | None = None
    timeout_seconds: Evaluator | None = None
    heartbeat_seconds: Evaluator | None = None
    role_arn: Evaluator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelState(State):
    branches: tuple[Program, ...]
    arguments: Evaluator | None = None


ReaderAction: TypeAlias = Literal["getObject", "listObjectsV2"]
InputType: TypeAlias = Literal["JSON", "JSONL", "CSV", "PARQUET"]
ManifestType: TypeAlias = Literal["S3_INVENTORY", "ATHENA_DATA"]
Transformation: TypeAlias = Literal["NONE", "COMPACT", "FLATTEN"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReader:
    """`arguments` evaluates to the parameters of the S3 action. `input_type` is that of the files
    with items: the object that is read, those that it lists where it is a `manifest`, or those that
    S3 lists; None where the listed objects are the items themselves. `items_pointer` leads to the
    items of a JSON file. `csv_headers` None: the first row has them. `max_items` 0 or None: all."""

    action: ReaderAction
    arguments: Evaluator
    input_type: InputType | None = None
    manifest: ManifestType | None = None
    items_pointer: tuple[str, ...] = ()
    csv_headers: tuple[str, ...] | None = None
    csv_delimiter: str = ","
    max_items: Evaluator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBatcher:
    max_items: Evaluator | None = None
    max_input_bytes: Evaluator | None = None
    batch_input: Evaluator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWriter:
    """`arguments` evaluates to Bucket and Prefix; None: the results go into the state's output."""

    arguments: Evaluator | None
    transformation: Transformation
    json_lines: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributedMap:
    """What a Map state in distributed mode has: `express` is the type of its child executions."""

    express: bool
    label: str | None = None
    reader: ItemReader | None = None
    batcher: ItemBatcher | None = None
    writer: ResultWriter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapState(State):
    """`items` evaluates to a list (ItemsPath or Items; None: the effective input must be one).
    `item_selector` (or the legacy Parameters) is evaluated for each item with the Context
    object's Map.Item set; its data is the state's effective input, as for every other field.
    `distributed` None: inline. Tolerated failures are numbers; AWS gives them a meaning for
    distributed maps only."""

    processor: Program
    items: Evaluator | None = None
    item_selector: Evaluator | None = None
    max_concurrency: Evaluator | None = None
    tolerated_failure_count: Evaluator | None = None
    tolerated_failure_percentage: Evaluator | None = None
    distributed: DistributedMap | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A state machine, a Parallel branch or an ItemProcessor. `timeout_seconds` is the machine's
    and None in a branch. `definition` is the source it was compiled from."""

    start_at: str
    states: Mapping[str, State]
    timeout_seconds: int | None = None
    query_language: QueryLanguage = "JSONPath"
    definition: Json = field(default=None, repr=False)
