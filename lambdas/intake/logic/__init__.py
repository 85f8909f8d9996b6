"""What the functions do, without Lambda."""
