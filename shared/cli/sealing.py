"""The key that signs checkpoints, and the name under which it does (封存密钥).

Kept apart from the token's: who issues tokens signs no history.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.config import ConfigError, Settings
from shared.rules.profile import load_profile
from shared.security.tokens import development_keys


def origin_of(settings: Settings) -> str:
    """The name in every checkpoint: ``minzheng.<division of the district>``."""
    return f"minzheng.{load_profile(settings.profile).division_code}"


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The private key; made on first use in development."""
    private, public = settings.seal_private_key, settings.seal_public_key
    if private is None:
        raise ConfigError("生产模式须提供 MINZHENG_SEAL_KEY（封存私钥文件，PEM，Ed25519）。")
    if not settings.production and public is not None:
        development_keys(private, public)
    found = serialization.load_pem_private_key(private.read_bytes(), None)
    if not isinstance(found, Ed25519PrivateKey):
        raise ConfigError("MINZHENG_SEAL_KEY 须为 Ed25519 私钥。")
    return found


def public_pem(settings: Settings) -> bytes:
    """The public key as its file has it."""
    if settings.seal_public_key is None or not settings.seal_public_key.exists():
        raise ConfigError("没有封存公钥（MINZHENG_SEAL_PUBLIC_KEY）；开发环境中先运行 minzheng seal --once。")
    return settings.seal_public_key.read_bytes()


def checking_key(settings: Settings) -> Ed25519PublicKey:
    """The public key."""
    found = serialization.load_pem_public_key(public_pem(settings))
    if not isinstance(found, Ed25519PublicKey):
        raise ConfigError("MINZHENG_SEAL_PUBLIC_KEY 须为 Ed25519 公钥。")
    return found
