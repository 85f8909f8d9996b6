"""What starts work: schedules, rules, mappings, pipes, subscriptions, alarms, HTTP routes."""
