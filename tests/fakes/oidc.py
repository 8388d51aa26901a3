"""An OpenID provider on loopback: it signs in whoever the test names, and can lie in every claim."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

CLIENT, SECRET = "outreach", "s3cret"


class OpenIdProvider:
    """`claims` are laid over the honest ones; `key` signs, `published` are the keys that it shows."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
        self.published = [self.key]
        self.claims: dict[str, Any] = {}
        self.algorithm = "ES256"
        self.asked: list[str] = []
        self.flow: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def sign_in(self, address: str) -> dict[str, str]:
        """What the browser brings back after the person typed their password."""
        self.flow = {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}
        return {"code": "c0de", "state": self.flow["state"]}

    def answer(self, path: str, form: dict[str, str], headers: Any) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if path.endswith("openid-configuration"):
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        if path.endswith("/keys"):
            return 200, {"keys": [key.as_dict(private=False) for key in self.published]}
        if path.endswith("/token") and self._may_have(form, headers):
            return 200, {"id_token": self._token(), "token_type": "Bearer"}
        return 400, {"error": "invalid_grant"}

    def _may_have(self, form: dict[str, str], headers: Any) -> bool:
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        return (
            challenge == self.flow.get("code_challenge")
            and form.get("code") == "c0de"
            and form.get("redirect_uri") == self.flow["redirect_uri"]
            and headers["authorization"] == f"Basic {basic}"
        )

    def _token(self) -> str:
        honest = {
            "iss": self.issuer, "aud": CLIENT, "sub": "u-1", "preferred_username": "ana",
            "iat": int(self.now), "exp": int(self.now) + 300, "nonce": self.flow["nonce"],
            "groups": ["grid-ops"],
        }  # fmt: skip
        header = {"alg": self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, honest | self.claims, self.key, algorithms=[self.algorithm])


def _handler(provider: OpenIdProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._reply({name: value for name, [value] in parse_qs(body).items()})

        def _reply(self, form: dict[str, str]) -> None:
            status, document = provider.answer(self.path, form, self.headers)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    return Handler
