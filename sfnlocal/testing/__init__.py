"""Test a synthesized app: run its state machines in virtual time and look at what happened.

`load` (or the pytest fixture `sfn`) gives a LocalApp:

    with sfnlocal.testing.load("cdk.out") as app:
        app.mock("Order", "ChargePayment", [Failure("Timeout"), CALL])
        run = app.run("Order", {"orderId": "o-1"})
        run.assert_succeeded()
        assert run.attempts("ChargePayment") == 2
"""

from sfnlocal.driver.messages import Message
from sfnlocal.driver.mocks import CALL, Failure, Lost, Success
from sfnlocal.testing.local_app import LocalApp, load
from sfnlocal.testing.run import Run

__all__ = ["CALL", "Failure", "LocalApp", "Lost", "Message", "Run", "Success", "load"]
