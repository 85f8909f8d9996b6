"""The task of TimedTasks that is logic: when a task is due, and whether its request can be met."""
