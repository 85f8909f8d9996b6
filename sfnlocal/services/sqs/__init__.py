"""SQS in virtual time: standard and FIFO queues, dead-letter queues and message move tasks.

    api            operations by name; what the rest of sfnlocal holds as Aws.queues
    registry       which queues there are; who is told of messages that can be received
    queue, fifo, long_polls    one queue: which message may be received when, and in which order
    message, message_attributes, batches, attributes, redrive, permissions    what AWS checks

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html
"""
