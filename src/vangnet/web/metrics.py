"""Measures for Prometheus, in a registry of our own: two applications in one process do not mix theirs."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from vangnet.audit import service as audit
from vangnet.db import Database
from vangnet.gate.measures import BEYOND_US, ENDS_US
from vangnet.gate.service import probes
from vangnet.gate.service.gate import Gate
from vangnet.jobs import service as jobs
from vangnet.registry.model.subscriptions import SubscriptionState
from vangnet.registry.service import subscriptions
from vangnet.registry.service.live import LiveIndex
from vangnet.web.health import WATCHER

_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What happened in this process, and how the database stands when somebody asks."""

    def __init__(self, database: Database, live: LiveIndex | None = None, gate: Gate | None = None) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "vangnet_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "vangnet_request_seconds", "Time to answer a request.", ["route"], buckets=_BUCKETS_S, registry=self._registry
        )
        self._registry.register(_Standing(database))
        if live is not None:
            self._registry.register(_Listed(live))
        if gate is not None:
            self._registry.register(_Checked(gate))

    def note_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one request. `route` is a template, such as `/people/{person_id}`; 0 is the status of no answer."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def exposition(self) -> bytes:
        """Everything, in the text format of Prometheus. Raises DatabaseUnavailable."""
        return generate_latest(self._registry)


class _Standing(Collector):
    """Asks the database when Prometheus does, so that there is no number that is older than the question."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Without this, registering would collect once, and a database that is down would stop the start.
    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        with self._database.transaction() as conn:
            chain = audit.chain_state(conn, WATCHER)
            queue = jobs.queue_health(conn)
            limited = probes.count_limited(conn, WATCHER, now=datetime.now(UTC))
            followed = [one.state.value for one, _ in subscriptions.list_subscriptions(conn, WATCHER)]
        lag_s = 0.0
        if chain.oldest_waiting_at is not None:
            lag_s = max(0.0, (datetime.now(UTC) - chain.oldest_waiting_at).total_seconds())
        yield _gauge("vangnet_audit_waiting_events", "Audit events that are not chained yet.", chain.waiting)
        yield _gauge("vangnet_audit_sealing_lag_seconds", "Age of the oldest event that is not chained yet.", lag_s)
        yield _by_state(
            "vangnet_jobs", "Jobs.", {"waiting": queue.waiting, "running": queue.running, "parked": queue.parked}
        )
        yield _by_state(
            "vangnet_registry_subscriptions", "Installations whose lists we follow.",
            {state.value: followed.count(state.value) for state in SubscriptionState},
        )  # fmt: skip
        yield _gauge("vangnet_gate_limited", "Keys and uploaders that are told less: they seem to probe.", limited)
        in_use, most = self._database.in_use, self._database.max_connections
        yield _gauge("vangnet_database_connections_in_use", "Connections of this process in a transaction.", in_use)
        yield _gauge("vangnet_database_connections_max", "How many this process may have.", most)


class _Listed(Collector):
    """How far the index of listed hashes follows."""

    def __init__(self, live: LiveIndex) -> None:
        self._live = live

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        status = self._live.status
        yield _gauge("vangnet_registry_sequence", "The last change that the index holds.", status.sequence)
        yield _gauge("vangnet_registry_index_hashes", "Hashes in the index.", status.hashes)
        if status.followed_at is not None:
            age_s = (datetime.now(UTC) - status.followed_at).total_seconds()
            told = "Seconds since the index last held every change that there was."
            yield _gauge("vangnet_registry_index_age_seconds", told, max(0.0, age_s))


class _Checked(Collector):
    """What the gate of this process did since its start, and how it stands."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        watch = self._gate.watch
        checks = CounterMetricFamily("vangnet_gate_checks", "Checks.", labels=["door", "outcome", "decision"])
        for (door, outcome, decision), number in watch.checks.copy().items():
            checks.add_metric([door.value, outcome.value, decision.value], number)
        reasons = CounterMetricFamily("vangnet_gate_unhashable", "Files that could not be examined.", labels=["reason"])
        for reason, number in watch.reasons.copy().items():
            reasons.add_metric([reason.value], number)
        matches = CounterMetricFamily(
            "vangnet_gate_matches",
            "Checks that matched a list, by its id, and whether it only counted.",
            labels=["list", "shadow"],
        )
        for (list_id, shadow), number in watch.matches.copy().items():
            matches.add_metric([str(list_id), str(shadow).lower()], number)
        yield from (checks, reasons, matches, self._seconds())
        alarms = CounterMetricFamily("vangnet_gate_probe_alarms", "Alarms of this process: somebody seems to probe.")
        alarms.add_metric([], watch.alarms)
        yield alarms
        yield _gauge("vangnet_gate_spooled", "Matches on this disk that wait for the database.", self._gate.spooled)
        yield _gauge("vangnet_gate_database_away", "1 while the database does not answer.", self._gate.database_away)

    def _seconds(self) -> Metric:
        counted, sums = self._gate.watch.latencies.copy(), dict(self._gate.watch.seconds)
        histogram = HistogramMetricFamily("vangnet_gate_seconds", "Time to check: a file, or one batch.", labels=["door"])
        for door, seconds in sums.items():
            so_far, buckets = 0, []
            for end in ENDS_US:
                so_far += counted[door, end]
                buckets.append((str(end / 1_000_000), so_far))
            buckets.append(("+Inf", so_far + counted[door, BEYOND_US]))
            histogram.add_metric([door.value], buckets, seconds)
        return histogram


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)


def _by_state(name: str, told: str, counts: Mapping[str, int]) -> Metric:
    gauge = GaugeMetricFamily(name, told, labels=["state"])
    for state, count in counts.items():
        gauge.add_metric([state], count)
    return gauge
