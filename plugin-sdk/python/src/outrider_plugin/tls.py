"""TLS for plugins that hosts reach over a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of a server, read anew for each connection, so that they may be renewed under it."""

    certificate: str | Path
    """Certificate with its chain."""
    key: str | Path
    """Its private key."""
    client_ca: str | Path | None = None
    """Who must have signed the certificates of hosts; ``None`` = hosts need none."""

    def credentials(self) -> Any:
        """Read the files now, and again with each connection."""
        return grpc.dynamic_ssl_server_credentials(
            self._read(), self._read, require_client_authentication=self.client_ca is not None
        )

    def _read(self) -> Any:
        pair = (Path(self.key).read_bytes(), Path(self.certificate).read_bytes())
        roots = None if self.client_ca is None else Path(self.client_ca).read_bytes()
        return grpc.ssl_server_certificate_configuration([pair], roots)
