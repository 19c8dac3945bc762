"""Keyed pseudonyms, and the one local file that links them to people and places.

Nothing else that the program writes holds a PatientID or a path of the export.
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
        path: the file that holds the map.
        key: secret of the keyed hash; the same key gives the same pseudonyms.
        known: kind -> pseudonym -> what it stands for.
    """

    path: Path
    key: str
    known: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, key: str | None) -> PseudonymMap:
        """Read the map at `path`, or begin one with `key` (a fresh random key where None)."""
        if path.is_file():
            stored = read_json(path, "the converted volumes")
            if key is None or key == stored["key"]:
                return cls(path, stored["key"], stored["known"])
        return cls(path, key or secrets.token_hex(16))

    def digest(self, kind: str, identity: str) -> str:
        """The pseudonym (12 hex digits) of an identity, not remembered."""
        return hmac.new(self.key.encode(), f"{kind}|{identity}".encode(), hashlib.sha256).hexdigest()[:12]

    def pseudonym(self, kind: str, identity: str) -> str:
        """The pseudonym of an identity, remembered for the map."""
        digest = self.digest(kind, identity)
        self.known.setdefault(kind, {})[digest] = identity
        return digest

    def link(self, kind: str, pseudonym: str, identity: str) -> None:
        """Remember what a name made elsewhere stands for."""
        self.known.setdefault(kind, {})[pseudonym] = identity

    def save(self) -> None:
        """Write the map, readable by its owner alone."""
        kinds = {kind: dict(sorted(pairs.items())) for kind, pairs in sorted(self.known.items())}
        with atomic_replacement(self.path) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps({"key": self.key, "known": kinds}, indent=1) + "\n")
