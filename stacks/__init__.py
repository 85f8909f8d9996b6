"""What is deployed together: queues, tables, functions, state machines, and who may do what."""
