"""What the functions do, without Lambda: functions of their arguments, clients among them."""
