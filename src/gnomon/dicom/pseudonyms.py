"""Keyed pseudonyms, and the one local file that links them to patients and paths.

No other file that the program writes contains a PatientID or a path of the export.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from gnomon.io.artifacts import atomic_replacement, read_json


@dataclass
class PseudonymMap:
    """Pseudonyms of patients, files and volumes under one key.

    Attributes:
        path: file of the map.
        key: secret of the keyed hash; the same key gives the same pseudonyms.
        identities: kind -> pseudonym -> the identity behind it.
    """

    path: Path
    key: str
    identities: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, key: str | None) -> PseudonymMap:
        """Read the map at `path`, or start a new one with `key` (None for a random key)."""
        if path.is_file():
            stored = read_json(path, "the converted volumes")
            if key is None or key == stored["key"]:
                return cls(path, stored["key"], stored["known"])
        return cls(path, key or secrets.token_hex(16))

    def digest(self, kind: str, identity: str) -> str:
        """The pseudonym (12 hex digits) of an identity, without recording it in the map."""
        return hmac.new(self.key.encode(), f"{kind}|{identity}".encode(), hashlib.sha256).hexdigest()[:12]

    def pseudonym(self, kind: str, identity: str) -> str:
        """The pseudonym of an identity, recorded in the map."""
        digest = self.digest(kind, identity)
        self.identities.setdefault(kind, {})[digest] = identity
        return digest

    def link(self, kind: str, pseudonym: str, identity: str) -> None:
        """Record the identity behind a pseudonym that was created elsewhere."""
        self.identities.setdefault(kind, {})[pseudonym] = identity

    def save(self) -> None:
        """Write the map, readable by the owner only."""
        kinds = {kind: dict(sorted(pairs.items())) for kind, pairs in sorted(self.identities.items())}
        with atomic_replacement(self.path) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps({"key": self.key, "known": kinds}, indent=1) + "\n")
