"""The Lambda tasks of the workflows: business logic only, no orchestration and no retry loops.

One folder a workflow. The project root is the root of every code asset (see
docs/decisions/0002-lambda-assets.md), so a module has one import name everywhere.
"""
