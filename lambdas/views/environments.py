"""The environment of each function of the views; imported by the stacks at synth."""

from __future__ import annotations

from lambdas.environment import BucketName, Environment, TableName


class CountSalesEnvironment(Environment):
    """count_sales reads archived sales."""

    sales_bucket: BucketName


class ReadManifestEnvironment(Environment):
    """read_manifest reads the counters of a day."""

    counters_table: TableName


class BuildViewEnvironment(Environment):
    """build_view reads a Map Run's results and writes a version of a view."""

    sales_bucket: BucketName


class ReadSalesEnvironment(Environment):
    """read_sales merges the batch view that the pointer names with the counters since."""

    pointers_table: TableName
    counters_table: TableName
    sales_bucket: BucketName
