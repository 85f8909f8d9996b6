"""The state machines, one a module, and the building blocks they share, each once.

A machine's module tells the order of its steps; retry_policy, dead_letter, lambda_task, function
and jsonata are the blocks. What is deployed together, and who may do what, stands in `stacks`.
"""
