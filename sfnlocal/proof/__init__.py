"""Proves that nothing is lost: every single fault, every permission, every branch of a workflow.

What a project's proofs are written with; `sfnlocal prove` and `sfnlocal.testing` run them.
"""

from sfnlocal.proof.scenarios import Proof, Scenario

__all__ = ["Proof", "Scenario"]
