"""What the handlers do, without Lambda around it."""
