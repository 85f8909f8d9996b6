"""What the functions of operations do, without Lambda."""
