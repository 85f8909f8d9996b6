"""What the registry's functions do, without AWS's clients."""
