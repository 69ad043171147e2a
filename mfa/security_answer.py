"""The answer to a security question that the customer entrusted to us."""

from __future__ import annotations

from pydantic import SecretStr

from meterfarm.mfa.port import Code


class SecurityAnswer:
    """Given once in a sign-in: asked again, the portal did not take it, or asks something else."""

    def __init__(self, answer: SecretStr) -> None:
        self._answer = answer
        self.is_believed = True

    def code(self) -> Code:
        """The stored answer; from now on it is no longer believed."""
        self.is_believed = False
        return Code(self._answer.get_secret_value())
