"""A Lambda function that answers with its event."""


def handler(event: object, context: object) -> object:
    return event
