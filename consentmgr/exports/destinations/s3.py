"""An S3-compatible store: one PUT a file, which the store shows when it is whole, signed with AWS Signature 4.

The signature is botocore's; the request goes the way of all others, to a checked address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from consentmgr.edge.reachable import Network
from consentmgr.edge.web_requests import blocks, checked_url, client, fetch, send
from consentmgr.exports.destinations.destination import Destination, DestinationKind
from consentmgr.kit.errors import BadInput, NotDelivered, Unavailable


class Bucket:
    """Objects under a prefix, by path-style addresses, which every S3-compatible store takes."""

    def __init__(self, options: Mapping[str, Any], secrets: Mapping[str, str], named: Sequence[Network]) -> None:
        try:
            from botocore.credentials import Credentials
        except ImportError:
            raise Unavailable("S3 needs the extra: pip install 'consentmgr[s3]'") from None
        self._credentials = Credentials(secrets["access_key"], secrets["secret_key"])
        self._base = "/".join(
            part for part in (options["endpoint"].rstrip("/"), options["bucket"], options["prefix"]) if part
        )
        self._region = options["region"]
        self._http = client(named)

    def put(self, name: str, source: Path) -> None:
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest

        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        url = f"{self._base}/{quote(name)}"
        signed = AWSRequest("PUT", url, headers={"x-amz-content-sha256": digest})
        S3SigV4Auth(self._credentials, "s3", self._region).add_auth(signed)
        headers = {**dict(signed.headers.items()), "Content-Length": str(source.stat().st_size)}
        # The signer hashes a body of its own where it finds none; the one that counts is the file's.
        send(self._http, self._http.build_request("PUT", url, content=blocks(source), headers=headers))

    def read(self, name: str) -> bytes | None:
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest

        url = f"{self._base}/{quote(name)}"
        signed = AWSRequest("GET", url, headers={"x-amz-content-sha256": hashlib.sha256(b"").hexdigest()})
        S3SigV4Auth(self._credentials, "s3", self._region).add_auth(signed)
        return fetch(self._http, self._http.build_request("GET", url, headers=dict(signed.headers.items())))

    def close(self) -> None:
        self._http.close()


def _check(address: str) -> Mapping[str, Any]:
    """``s3://bucket/prefix?endpoint=https://…&region=…``"""
    parts = urlsplit(address)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if not parts.netloc or set(query) - {"endpoint", "region"}:
        raise BadInput(
            "is s3://bucket/prefix?region=eu-north-1, with endpoint=https://… for other stores", field="--to"
        )
    region = query.get("region", "eu-north-1")
    endpoint = checked_url(query.get("endpoint", f"https://s3.{region}.amazonaws.com"))
    return {"endpoint": endpoint, "bucket": parts.netloc, "prefix": parts.path.strip("/"), "region": region}


def _open(options: Mapping[str, Any], secrets: Mapping[str, str], named: Sequence[Network]) -> Destination:
    missing = [name for name in ("access_key", "secret_key") if name not in secrets]
    if missing:
        raise NotDelivered(f"the store's {missing[0]} is missing; give it with --secret-file {missing[0]}=FILE")
    return Bucket(options, secrets, named)


KIND = DestinationKind(
    "s3", "an S3-compatible store: s3://bucket/prefix?region=eu-north-1", _check, _open, ("access_key", "secret_key")
)
