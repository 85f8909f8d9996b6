"""Event-driven tasks: a message on the completion queue completes the task that waits for its
token. General: any workflow's. See docs/event-driven-tasks.md.

`payloads` and `environments` are the side the state machines and the stacks see; they import the
standard library only.
"""
