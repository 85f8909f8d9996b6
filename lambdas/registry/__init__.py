"""The service registry: who offers a service now, and the client that asks."""
