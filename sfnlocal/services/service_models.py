"""botocore's models of the services. Reading them takes a fraction of what loading boto3 does."""

from __future__ import annotations

import functools

from botocore.loaders import Loader, create_loader
from botocore.model import ServiceModel


@functools.cache
def service_models() -> Loader:
    """One loader for all sessions: it reads botocore's files, which do not change."""
    return create_loader()


@functools.cache
def service_model(service: str) -> ServiceModel:
    """By client name."""
    return ServiceModel(service_models().load_service_model(service, "service-2"), service)


def available_services() -> list[str]:
    """The client names that there are."""
    names: list[str] = service_models().list_available_services("service-2")
    return names
