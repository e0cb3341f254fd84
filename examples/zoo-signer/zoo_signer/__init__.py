"""Ed25519 signatures for the zoo's artifacts: who published this, besides what is in it."""

from zoo_signer.signatures import place_of, sign, verify

__all__ = ["place_of", "sign", "verify"]
