"""What the shared function does, without Lambda."""
