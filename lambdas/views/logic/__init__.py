"""What the functions of the views do, without Lambda."""
