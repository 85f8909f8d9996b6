"""What the functions of DeadLetters do, without Lambda."""
