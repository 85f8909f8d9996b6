"""What a fault at a service call does: before the service is asked, and after it has answered."""

from __future__ import annotations

from collections.abc import Mapping

from sfnlocal.errors import AnsweredError, ApiError, LostAnswerError
from sfnlocal.ports import Json, ServiceCall
from sfnlocal.proof import faults
from sfnlocal.proof.batches import in_part
from sfnlocal.services.aws import Aws
from sfnlocal.services.handler_process import current_call, sleep_virtually

# AWS's own code words for what is answered with status 500.
_SERVER_ERRORS = ("Internal", "Unavailable", "ServiceException")
_CANCELED = "TransactionCanceledException"


class CallFaults:
    """`repeating`: the call that is made now is one that a fault makes."""

    def __init__(self, aws: Aws) -> None:
        self.repeating = False
        self._aws = aws
        # The calls that are under way, by their parameters themselves: an id alone may come again.
        self._lost: list[tuple[Mapping[str, Json], str]] = []

    def before(self, call: ServiceCall, fault: str) -> None:
        """Raises ApiError where the service refuses it, AnsweredError where it takes a part of
        it."""
        kind, _, detail = fault.partition(":")
        match kind:
            case "refused":
                status = 500 if any(part in detail for part in _SERVER_ERRORS) else 400
                raise ApiError(detail, f"injected: {fault}", status)
            case faults.CANCELED:
                raise _canceled(call, detail)
            case faults.CRASH_BEFORE:
                _crash()
            case faults.TWICE:
                self._call(call, call.params)
            case faults.IN_PART:
                raise AnsweredError(
                    in_part(
                        call.service,
                        call.operation,
                        call.params,
                        lambda others: self._call(call, others),
                    )
                )
            case _:
                self._lost.append((call.params, fault))

    def after(self, call: ServiceCall) -> None:
        """Raises LostAnswerError where nobody hears of it."""
        for index, (params, fault) in enumerate(self._lost):
            if params is call.params:
                del self._lost[index]
                if fault == faults.CRASH_AFTER:
                    _crash()
                raise LostAnswerError(f"injected: the answer of {call.operation} is lost")

    def _call(self, call: ServiceCall, params: Mapping[str, Json]) -> dict[str, Json]:
        self.repeating = True
        try:
            return self._aws.call(call.service, call.operation, {**params}, call.caller)
        finally:
            self.repeating = False


def _canceled(call: ServiceCall, reason: str) -> ApiError:
    """The first of a transaction's items is the reason; the others have none.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    codes = [reason, *["None"] * (len(call.params["TransactItems"]) - 1)]
    message = (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        f"[{', '.join(codes)}]"
    )
    told = f"injected: {faults.CANCELED}:{reason}"
    reasons = [{"Code": one} if one == "None" else {"Code": one, "Message": told} for one in codes]
    members = {"Message": message, "CancellationReasons": reasons}
    return ApiError(_CANCELED, message, members=members)


def _crash() -> None:
    """The sandbox is gone: the handler stands still for ever, and its caller hears of it when the
    function's time-out has passed."""
    call = current_call()
    if call is not None:
        sleep_virtually(call.timeout_ms / 1000)
