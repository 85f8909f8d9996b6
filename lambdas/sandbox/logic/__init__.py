"""What the sandbox does, without Lambda."""
