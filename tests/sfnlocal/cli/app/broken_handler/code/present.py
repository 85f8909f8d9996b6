"""The handler stands in a module that is not here."""
