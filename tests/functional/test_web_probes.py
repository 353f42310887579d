"""What machines ask: alive, ready, measures."""

import re
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from running.routes import job
from running.server import RunningServer, console
from running.states import wait_until

from vangnet.audit import service as audit
from vangnet.identity.permissions import Permission, Role
from vangnet.web.health import Check

StartServer = Callable[..., AbstractContextManager[RunningServer]]


def test_a_healthy_installation_is_alive_and_ready(new_server: RunningServer) -> None:
    with new_server.client() as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "ok"
    assert list(ready.json()["checks"]) == [str(check) for check in Check]


def test_head_is_answered_as_get_without_the_body(anonymous: httpx2.Client) -> None:
    answer = anonymous.head("/healthz")
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["content-length"] == str(len(anonymous.get("/healthz").content))


def test_missing_keys_make_it_unready_and_the_page_says_what_to_do(new_server: RunningServer) -> None:
    shutil.move(new_server.settings.keys_dir / "sealing.key", new_server.settings.data_dir / "elsewhere")
    with new_server.signed_in(Role.ADMINISTRATOR) as client:
        ready = client.get("/readyz")
        page = client.get("/health")
    assert ready.status_code == 503
    assert ready.json()["status"] == ready.json()["checks"]["keys"] == "failing"
    assert "In the folder of the keys this cannot be read: sealing.key." in page.text
    assert "Put the backup of the keys back" in page.text


def test_events_that_nobody_chains_make_it_unready(start_server: StartServer) -> None:
    with start_server(kind=None, seal=False) as server, server.client() as client:
        with server.transaction() as conn:
            audit.record(
                conn,
                console(),
                action=Permission.BACKUP_MAKE,
                record="backup",
                record_id="1",
                now=datetime.now(UTC) - timedelta(minutes=2),
            )
        assert client.get("/readyz").json()["checks"]["sealer"] == "failing"


def test_a_check_says_since_when(new_server: RunningServer) -> None:
    with new_server.signed_in(Role.ADMINISTRATOR) as client:
        since = re.findall(r'<time datetime="([^"]+)"', client.get("/health").text)
        shutil.move(new_server.settings.keys_dir / "signing.key", new_server.settings.data_dir / "elsewhere")
        wait_until(lambda: client.get("/readyz").status_code == 503)
        later = re.findall(r'<time datetime="([^"]+)"', client.get("/health").text)
    assert len(since) == len(later) == len(Check)
    changed = [check for check, before, after in zip(Check, since, later, strict=True) if before != after]
    assert changed == [Check.KEYS]


def test_measures_count_requests_by_route_and_never_by_path(new_server: RunningServer, postgres: object) -> None:
    job(new_server, parked=True)
    with new_server.program(Permission.HEALTH_READ, Permission.JOB_READ) as client:
        for number in range(3):
            client.get(f"/api/v1/jobs/{number + 1}")
        client.get("/some/path/that/nobody/serves")
        client.request("PROPFIND", "/healthz")  # One of WebDAV; what is no method at all, the server refuses itself.
        text = client.get("/metrics").text
    assert "nobody/serves" not in text
    assert "PROPFIND" not in text
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

    def requests(method: str, route: str, status: str) -> float | None:
        return samples.get(("vangnet_requests_total", (("method", method), ("route", route), ("status", status))))

    assert requests("GET", "/api/v1/jobs/{job_id}", "200") == 1
    assert requests("GET", "/api/v1/jobs/{job_id}", "404") == 2
    assert requests("GET", "none", "404") == 1
    assert requests("other", "none", "405") == 1 or requests("other", "/healthz", "405") == 1
    assert samples["vangnet_jobs", (("state", "parked"),)] == 1
    assert samples["vangnet_database_connections_max", ()] == 16
    assert ("vangnet_audit_sealing_lag_seconds", ()) in samples
