"""The errors of sfnlocal, in two families that never mix.

    StateError                 data: an error name and a cause, matched by Retriers and Catchers
    SfnLocalError              the user's mistake, or something sfnlocal does not do: says what,
    │                          where and what to do; the command line prints it and exits with 2
    ├── AssemblyError          the cloud assembly (cdk.out) is missing or cannot be read
    ├── TemplateError          a resource or intrinsic function of the template cannot be resolved
    │   └── NeedsAwsError      ... since only AWS knows its value: an error for who needs it
    ├── DefinitionError        a state machine definition that AWS rejects at creation
    ├── UnsupportedError       AWS has it, sfnlocal does not: refused by name
    ├── HandlerError           a function's handler cannot be loaded
    ├── InputError             an execution input or an option that cannot be used
    └── ApiError               what an API call is answered with: an AWS error code

An `assert` that fails is our own bug and is none of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class StateError(Exception):
    """A workflow error: `error` is what ErrorEquals matches, `cause` is free text or None.

    `location` names the field that a JSONata expression stands in (`Output/total`), where there
    is one; AWS reports it in EvaluationFailed events.
    """

    def __init__(self, error: str, cause: str | None = None, location: str | None = None) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause
        self.location = location


class SfnLocalError(Exception):
    """The user's mistake: `message` says what, `where` says in which file, pointer or resource,
    `hint` says what to do about it."""

    exit_code = 2

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class AssemblyError(SfnLocalError):
    """The cloud assembly is missing, or is none."""


class TemplateError(SfnLocalError):
    """A template that cannot be resolved without AWS."""


class Diagnostic(NamedTuple):
    """What is wrong with a definition. `location` is written as AWS writes it,
    `/States/Pay/Catch[0]`, and empty where AWS gives none; `place` are the keys and indexes that
    lead to the text that is wrong. `severity` is AWS's ERROR or WARNING, or NOTE for what AWS
    takes and sfnlocal does not run."""

    code: str
    location: str
    message: str
    severity: str = "ERROR"
    hint: str = ""
    place: tuple[str | int, ...] = ()


class NeedsAwsError(TemplateError):
    """A value of the template that is known only in AWS."""


class DefinitionError(SfnLocalError):
    """A definition that CreateStateMachine rejects; `where` is a JSON pointer to the first of its
    errors, `diagnostics` are all of them."""

    aws_code = "InvalidDefinition"

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        diagnostics: tuple[Diagnostic, ...] = (),
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.diagnostics = diagnostics


class UnsupportedError(SfnLocalError):
    """AWS has it, sfnlocal does not."""


class HandlerError(SfnLocalError):
    """A function's code or handler cannot be loaded."""


class InputError(SfnLocalError):
    """An execution input, a name or an option that cannot be used."""


class ApiError(SfnLocalError):
    """An AWS API error, such as ExecutionDoesNotExist. `query_code` is what services that once
    spoke the query protocol (SQS) had for it, which SDKs still show; `members` is what the error
    has beside its message."""

    def __init__(
        self,
        aws_code: str,
        message: str,
        http_status: int = 400,
        *,
        query_code: str = "",
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.aws_code = aws_code
        self.http_status = http_status
        self.query_code = query_code
        self.members = members or {}


class LostAnswerError(Exception):
    """A service did what it was asked, and its answer never came: the connection broke."""


class AnsweredError(Exception):
    """Nobody asks the service any more: this is its answer, in botocore's shape."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("answered in the service's place")
        self.answer = answer
