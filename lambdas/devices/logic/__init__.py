"""What the tasks do, without Lambda: functions of their arguments, clients among them."""
