"""The Step Functions API over a session: an operation and its parameters in, its response out.

HTTP requests and boto3 in this process both come here. Names, shapes and errors are those of
botocore's model `stepfunctions`; dates are epoch seconds, as JSON 1.0 carries them. What is
answered later is a Future. An operation that AWS has and that is not here is refused by name.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.server.aliases import AliasOperations
from sfnlocal.server.definitions import validate_definition
from sfnlocal.server.execution_logs import ExecutionLogs
from sfnlocal.server.executions import Answer, ExecutionOperations, Params
from sfnlocal.server.map_runs import MapRunOperations
from sfnlocal.server.redrives import RedriveOperations
from sfnlocal.server.shapes import RequestModel
from sfnlocal.server.state_machines import StateMachineOperations
from sfnlocal.server.tags import Tags
from sfnlocal.server.tasks import ActivityOperations, TaskOperations
from sfnlocal.server.test_state import StateTests
from sfnlocal.server.versions import VersionOperations


class StepFunctionsApi:
    """Answers for one session. `install()` makes calls in this process come here."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.model = RequestModel()
        tags = Tags(session)
        machines = StateMachineOperations(session, tags)
        activities = ActivityOperations(session, tags)
        ExecutionLogs(session, machines).install()
        tags.exists = lambda arn: machines.exists(arn) or activities.exists(arn)
        self._operations: Mapping[str, Callable[[Params], Answer]] = {
            **machines.operations,
            **VersionOperations(session, machines).operations,
            **AliasOperations(session, machines).operations,
            "ValidateStateMachineDefinition": validate_definition,
            "TestState": StateTests(session).test_state,
            **ExecutionOperations(session, machines).operations,
            **RedriveOperations(session, machines).operations,
            **MapRunOperations(session).operations,
            **TaskOperations(session).operations,
            **activities.operations,
            **tags.operations,
        }

    def install(self) -> None:
        self._session.aws.route("stepfunctions", self.begin, guarded=True)

    def begin(self, operation: str, params: Params) -> Answer:
        """Raises ApiError, which the caller sees as the AWS error of that code, and
        UnsupportedError."""
        if operation not in self.model.operations:
            raise ApiError("UnknownOperationException", "")
        answer = self._operations.get(operation)
        if answer is None:
            raise UnsupportedError(f"sfnlocal does not answer {operation} yet")
        return answer(self.model.checked(operation, params))
