"""A real OpenID provider for tests: panva's certified oidc-provider, started with node on a free port of this machine."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from running.forms import forms_of
from running.states import PATIENCE_S

HOME = Path(__file__).parents[1] / "browser" / "oidc-provider"
CLIENT_ID, CLIENT_SECRET = "vangnet", "a-secret-for-tests"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProvider:
    """A provider that answers at `issuer`."""

    issuer: str
    config: Path

    def configure(self, base_url: str, accounts: Mapping[str, Mapping[str, Any]], **more: Any) -> None:
        """Says which installation may use it and who there is; before the first request, then whenever that changes."""
        client = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [f"{base_url}/sign-in/provider/callback"],
        }
        client |= more.pop("client", {})
        client = {name: value for name, value in client.items() if value is not None}
        self.config.write_text(json.dumps({"client": client, "accounts": accounts, **more}), encoding="utf-8")

    def journey(self, departure: str, account: str, *, answer: str = "sign-in") -> str:
        """Goes there as a browser does, signs in as `account`, and returns the address that leads back to us."""
        with httpx2.Client(base_url=self.issuer, timeout=PATIENCE_S) as browser:
            response = browser.get(departure)
            while response.is_redirect or response.status_code == 200:
                if response.status_code == 200:
                    form = forms_of(response)[0]
                    response = browser.post(form.action, data={"account": account, "answer": answer})
                    continue
                target = response.headers["location"]
                if "/sign-in/provider/callback" in target:
                    return str(target)
                response = browser.get(target)
            raise AssertionError(f"the provider answered {response.status_code}: {response.text[:500]}")


@contextmanager
def running_provider(folder: Path) -> Iterator[RunningProvider]:
    """A provider until the block ends; configure it before its first request."""
    node = shutil.which("node")
    assert node, "node is missing: the tests of signing in by an identity provider need it"
    assert (HOME / "node_modules").is_dir(), f"run `npm ci --prefix {HOME.relative_to(Path.cwd())}` first"
    config = folder / "provider.json"
    process = subprocess.Popen(
        [node, str(HOME / "server.js"), str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        issuer = next(line.strip() for line in process.stdout if line.startswith("http://127.0.0.1:"))
        yield RunningProvider(issuer=issuer, config=config)
    finally:
        process.stdin.close()
        process.wait(timeout=PATIENCE_S)
        process.stdout.close()
