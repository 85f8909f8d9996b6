"""Proof that nothing is lost: faults, permissions, coverage and cost, over runs of the engine."""
