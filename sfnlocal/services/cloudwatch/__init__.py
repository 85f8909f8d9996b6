"""The CloudWatch API as far as it is about metrics. What watches them stands in triggers."""
