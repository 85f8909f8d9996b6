"""Proves that nothing is lost: every single fault, every permission, every branch of a workflow.

What a project's proofs are written with; `sfnlocal prove` and `sfnlocal.testing` run them.
"""

from sfnlocal.proof.scenarios import Fault, Proof, Scenario

__all__ = ["Fault", "Proof", "Scenario"]
