"""The outside world of the order workflow, deployed in development stages only: a payment
provider and a warehouse that answer, so that a fresh deployment runs from the first minute."""
