"""Signed addresses of documents, which are good for a minute."""

from itsdangerous import BadSignature, URLSafeSerializer

from meterfarm.fake_utility.kit.clock import Clock

LINK_SECONDS = 60


class Links:
    """Makes and reads what stands in such an address."""

    def __init__(self, key: bytes, clock: Clock, salt: str) -> None:
        self._clock = clock
        self._signer = URLSafeSerializer(key, salt=f"{salt} links")

    def make(self, username: str, bill: str, family: str) -> str:
        """For a bill of a customer, who was signed in with this family of tokens."""
        return str(self._signer.dumps([username, bill, family, self._clock.now().timestamp()]))

    def read(self, text: str) -> tuple[str, str, str] | None:
        """User name, bill and family; None if it is forged or too old."""
        try:
            username, bill, family, at = self._signer.loads(text)
        except (BadSignature, ValueError):
            return None
        age = self._clock.now().timestamp() - at
        return (username, bill, family) if 0 <= age <= LINK_SECONDS else None
