"""Who may call the HTTP APIs: whoever has a token of the stage's issuer.

The context names it (`tokenIssuer`, `tokenAudience`): any OpenID Connect provider whose keys API
Gateway finds at the issuer's URL. In dev the sandbox brings a user pool of its own.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from constructs import Construct, Node

from stacks.stage import StageError
from workflows.findings import acknowledge


@dataclass(frozen=True, slots=True)
class Issuer:
    """`audience` is what tokens are for: their `aud`, or their `client_id`."""

    url: str
    audience: str

    @classmethod
    def from_context(cls, node: Node) -> Issuer | None:
        """None where the context names none: then there are no HTTP APIs."""
        url = node.try_get_context("tokenIssuer")
        audience = node.try_get_context("tokenAudience")
        if not url and not audience:
            return None
        if not (url and audience and str(url).startswith("https://")):
            raise StageError(
                "the context tokenIssuer (an https URL) goes with tokenAudience, "
                f"unlike {url!r} and {audience!r}"
            )
        return cls(str(url), str(audience))


class SandboxCallersStack(cdk.Stack):
    """A user pool whose users are the developers: `issuer` is what the APIs trust."""

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        users = cognito.UserPool(
            self,
            "Users",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(username=True),
            account_recovery=cognito.AccountRecovery.NONE,
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_digits=True,
                require_lowercase=True,
                require_uppercase=True,
                require_symbols=True,
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        for rule in ("COG2", "COG3", "COG8"):
            acknowledge(
                users,
                f"AwsSolutions-{rule}",
                "The sandbox's users are its developers; other stages name an issuer.",
            )
        client = users.add_client(
            "Client", auth_flows=cognito.AuthFlow(user_password=True), generate_secret=False
        )
        self.issuer = Issuer(
            url=f"https://cognito-idp.{self.region}.amazonaws.com/{users.user_pool_id}",
            audience=client.user_pool_client_id,
        )
        cdk.CfnOutput(self, "UserPoolId", value=users.user_pool_id)
        cdk.CfnOutput(self, "UserPoolClientId", value=client.user_pool_client_id)
