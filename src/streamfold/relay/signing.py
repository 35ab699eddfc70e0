"""What the relay signs: webhooks, so that receivers know who sent them, and the tokens that let workers answer.

Both keys come from one seed, which is kept in the store: so every node signs alike, and a restart changes nothing.
Whoever can read the store can sign.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from functools import cached_property
from typing import TYPE_CHECKING

from .errors import SubscriptionError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED = 32
"""Bytes of the seed."""


class Keys:
    """The keys that come from a seed.

    Args:
        seed: `SEED` random bytes.
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = seed

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._seed)

    @cached_property
    def _public(self) -> str:
        return _base64(self._private.public_key().public_bytes_raw())

    @cached_property
    def kid(self) -> str:
        """The public key's name: its thumbprint (RFC 7638, RFC 8037 appendix A.3)."""
        members = f'{{"crv":"Ed25519","kty":"OKP","x":"{self._public}"}}'
        return "ds_" + _base64(hashlib.sha256(members.encode()).digest())

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public key as a JSON Web Key Set (RFC 7517)."""
        names = {"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "use": "sig", "alg": "EdDSA"}
        return {"keys": [{**names, "x": self._public}]}

    def sign(self, body: bytes, seconds: int) -> str:
        """Return the header ``Webhook-Signature`` for a body sent at this time (Durable Streams 7.1)."""
        signature = self._private.sign(b"%d.%b" % (seconds, body))
        return f"t={seconds},kid={self.kid},ed25519={_base64(signature)}"

    def token(self, wake: str) -> str:
        """Return the token for answering a wake, which names its subscription and its generation."""
        key = hmac.digest(self._seed, b"tokens of wakes", "sha256")
        return _base64(hmac.digest(key, wake.encode(), "sha256"))

    def check(self, token: str, wake: str) -> None:
        """Check a token.

        Raises:
            SubscriptionError: It is not of this wake.
        """
        if not hmac.compare_digest(token.encode(), self.token(wake).encode()):
            raise SubscriptionError("TOKEN_INVALID", "the token is not of this wake")


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
