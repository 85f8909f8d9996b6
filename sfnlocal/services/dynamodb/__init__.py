"""DynamoDB in virtual time: tables, items, expressions and transactions of our own.

Imports neither boto3 nor moto. `api.Tables` is what the rest of sfnlocal uses.
"""
