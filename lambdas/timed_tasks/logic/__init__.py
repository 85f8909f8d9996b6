"""What the function of TimedTasks does, without Lambda."""
