"""What the task of the report workflow does, without Lambda."""
