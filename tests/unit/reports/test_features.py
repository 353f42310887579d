"""The values of a report by which it is linked: when two are the same, what is none, and what speaks against one."""

import ipaddress
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vangnet.reports.model.drafts import (
    Identifier,
    IdentifierKind,
    Incident,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    Place,
    ReportDraft,
    Reporter,
    ReporterKind,
    Source,
    Trace,
)
from vangnet.reports.model.normal_forms import (
    Form,
    host_form,
    mail_form,
    network_form,
    payment_form,
    phone_form,
    text_form,
    web_form,
)
from vangnet.reports.rules.linking.clustering import Placed
from vangnet.reports.rules.linking.features import (
    KEY_BYTES_MAX,
    PERIOD_GAP,
    Doubt,
    Feature,
    FeatureKind,
    Known,
    apart,
    features,
    periods,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def draft(
    *items: ItemDraft, identifiers: Sequence[Identifier] = (), traces: Sequence[Trace] = (), company: str | None = None
) -> ReportDraft:
    """A report about one person."""
    reporter = Reporter(kind=ReporterKind.COMPANY if company else ReporterKind.ANONYMOUS, name=company)
    people = (NamedPerson(role=PersonRole.REPORTED, identifiers=tuple(identifiers)),) if identifiers else ()
    return ReportDraft(
        source=Source.API, reporter=reporter, incident=Incident.OTHER, items=items, people=people, traces=tuple(traces)
    )  # fmt: skip


def keys(one: ReportDraft, known: Known | None = None) -> dict[tuple[FeatureKind, bytes], frozenset[Doubt]]:
    """What a report is linked by, with its doubts."""
    return {(found.kind, found.key): found.doubts for found in features(one, known or Known())}


def signs(kind: IdentifierKind, *values: str, service: str | None = None) -> list[Identifier]:
    """Signs of one kind."""
    return [Identifier(kind=kind, value=value, service=service) for value in values]


# --- when two are the same ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("Jan.Example@Example.ORG", "jan.example@example.org"),
        (" jan@example.org\u200b", "jan@example.org"),
        ("jan+news@example.org", "jan@example.org"),
        ("+jan@example.org", "+jan@example.org"),
        ("mailto:jan@example.org.", "jan@example.org"),
        ("j.a.n+x@googlemail.com", "jan@gmail.com"),
        ("jan@bücher.example", "jan@xn--bcher-kva.example"),
        ("jan", None),
        ("@example.org", None),
        ("jan@", None),
        ("jan de vries@example.org", None),
        ("unknown", None),
    ],
)
def test_a_mail_address_has_one_form(written: str, form: str | None) -> None:
    assert mail_form(written) == form


@pytest.mark.parametrize(
    ("written", "country", "form"),
    [
        ("06 1234 5678", "NL", Form("+31612345678", complete=True)),
        ("+31 (0)6-12345678", None, Form("+31612345678", complete=True)),
        ("0031612345678", "DE", Form("+31612345678", complete=True)),
        ("tel:+31612345678", None, Form("+31612345678", complete=True)),
        ("0612345678", None, Form("0612345678", complete=False)),
        ("0612345678", "XX", Form("0612345678", complete=False)),
        ("(202) 555-0143", "US", Form("+12025550143", complete=True)),
        ("1-202-555-0143", "US", Form("+12025550143", complete=True)),
        ("06 12 34 56 78", "IT", Form("+390612345678", complete=True)),
        ("12", "NL", None),
        ("000000000", None, None),
        ("+1234567890123456", None, None),
        ("not known", "NL", None),
    ],
)
def test_a_telephone_number_has_one_form(written: str, country: str | None, form: Form | None) -> None:
    assert phone_form(written, country) == form


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("nl91 abna 0417 1643 00", Form("NL91ABNA0417164300", complete=True)),
        ("NL92ABNA0417164300", Form("nl92abna0417164300", complete=False)),
        ("Pay@Example.org", Form("pay@example.org", complete=True)),
        ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", Form("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", complete=True)),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", Form("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", complete=True)),
        ("0x" + "Ab" * 20, Form("0x" + "ab" * 20, complete=True)),
        ("1234-5678", Form("12345678", complete=False)),
        ("n/a", None),
    ],
)
def test_a_payment_account_has_one_form(written: str, form: Form | None) -> None:
    assert payment_form(written) == form


@pytest.mark.parametrize(
    ("written", "host", "page"),
    [
        ("https://www.Files.example:443/a/B/?q=1#top", "files.example", "files.example/a/B?q=1"),
        ("http://files.example/a/B?q=1", "files.example", "files.example/a/B?q=1"),
        ("hxxps://files[.]example/a", "files.example", "files.example/a"),
        ("files.example/a", "files.example", "files.example/a"),
        ("https://somebody:secret@files.example/a", "files.example", "files.example/a"),
        ("https://files.example:8443/a", "files.example", "files.example:8443/a"),
        ("https://files.example/", "files.example", None),
        ("https://files.example", "files.example", None),
        ("http://[2001:db8::1]/a", "2001:db8::1", "2001:db8::1/a"),
        ("http://192.0.2.1/a", "192.0.2.1", "192.0.2.1/a"),
    ],
)
def test_an_address_on_the_web_has_one_form(written: str, host: str, page: str | None) -> None:
    found = web_form(written)
    assert found is not None
    assert (found.host, found.page) == (host, page)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "n/a",
        "http://",
        "http://[2001:db8::/a",
        "http://a b/c",
        "mailto:a@example.org",
        "a@example.org",
        "//",
        "data:text/plain,a",
    ],
)
def test_what_is_no_address_on_the_web_is_none(written: str) -> None:
    assert web_form(written) is None


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("2001:db8::1%eth0", "2001:db8::1"),
    ],
)
def test_a_network_address_has_one_form(written: str, form: str) -> None:
    assert network_form(written) == ipaddress.ip_address(form)


@pytest.mark.parametrize(
    "written",
    [
        "192.168.0.1", "10.1.2.3", "172.31.0.1", "127.0.0.1", "0.0.0.1", "255.255.255.255", "169.254.1.1", "224.0.0.1",
        "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "999.1.1.1", "", "nonsense",
    ],
)  # fmt: skip
def test_an_address_that_is_the_same_in_many_places_is_none(written: str) -> None:
    assert network_form(written) is None


@given(st.text(max_size=60))
def test_forms_are_made_of_anything_and_are_their_own_forms(text: str) -> None:
    for form in (text_form, mail_form, host_form):
        made = form(text)
        assert made is None or form(made) == made or form is host_form
    phone_form(text, "NL")
    payment_form(text)
    network_form(text)
    if (web := web_form(text)) is not None:
        assert host_form(web.host) is not None


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(IdentifierKind), st.text(max_size=300)), max_size=5), st.text(max_size=80))
def test_any_report_has_features_that_fit_in_a_row(given_: list[tuple[IdentifierKind, str]], address: str) -> None:
    item = ItemDraft(kind=ItemKind.ADDRESS, address=address, traces=(Trace(address=address),))
    one = draft(item, identifiers=[Identifier(kind=kind, value=value) for kind, value in given_])
    found = features(one)
    assert len({(feature.kind, feature.key) for feature in found}) == len(found)
    assert all(0 < len(feature.key) <= KEY_BYTES_MAX for feature in found)
    assert found == features(one)


# --- what is a feature, and what speaks against it ------------------------------------------------------------------


def test_an_account_means_something_at_its_service_only() -> None:
    here = draft(identifiers=signs(IdentifierKind.ACCOUNT, "u-1", service="Chat Example"))
    company = draft(identifiers=signs(IdentifierKind.ACCOUNT, "u-1"), company="chat example ")
    other = draft(identifiers=signs(IdentifierKind.ACCOUNT, "u-1", service="Mail Example"))
    nowhere = draft(identifiers=signs(IdentifierKind.ACCOUNT, "u-1"))
    assert keys(here) == keys(company)
    assert not keys(here).keys() & keys(other).keys()
    assert list(keys(nowhere).values()) == [{Doubt.NO_SERVICE}]


def test_service_and_account_cannot_be_written_so_that_they_mix() -> None:
    one = draft(identifiers=signs(IdentifierKind.ACCOUNT, "b\0cc", service="aa"))
    other = draft(identifiers=signs(IdentifierKind.ACCOUNT, "cc", service="aa\0b"))
    assert not keys(one).keys() & keys(other).keys()


def test_names_and_dates_of_birth_are_no_features() -> None:
    given_ = [*signs(IdentifierKind.NAME, "Jan Example"), *signs(IdentifierKind.BIRTH_DATE, "1990-01-01")]
    assert features(draft(identifiers=given_)) == []


@pytest.mark.parametrize("kind", list(IdentifierKind))
@pytest.mark.parametrize("nothing", ["", "-", "n/a", "UNKNOWN", "null", "00000000", "\u200b"])
def test_what_stands_for_nothing_is_no_feature(kind: IdentifierKind, nothing: str) -> None:
    assert features(draft(identifiers=signs(kind, nothing), company="Chat Example")) == []


def test_the_digest_of_no_bytes_is_no_feature() -> None:
    empty = bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e")
    assert features(draft(ItemDraft(kind=ItemKind.FILE, hashes=(("md5", empty),)))) == []


def test_opaque_hashes_and_digests_of_a_wrong_length_are_no_features() -> None:
    hashes = (("sha256", b"short"), ("photodna", b"x" * 144), ("pdq", b"y" * 32))
    assert features(draft(ItemDraft(kind=ItemKind.FILE, hashes=hashes))) == []


def test_a_file_that_is_listed_or_was_sent_along_is_doubted() -> None:
    digest = b"d" * 32
    file = ItemDraft(kind=ItemKind.FILE, hashes=(("sha256", digest),))
    along = ItemDraft(kind=ItemKind.FILE, hashes=(("sha256", digest),), supplemental=True)
    assert keys(draft(file), Known(listed=frozenset({digest}))) == {(FeatureKind.FILE, digest): {Doubt.LISTED}}
    assert keys(draft(along)) == {(FeatureKind.FILE, digest): {Doubt.SUPPLEMENTAL}}
    # Reported as well: that it was also sent along says nothing against it.
    assert keys(draft(along, file)) == {(FeatureKind.FILE, digest): frozenset()}


def test_pictures_of_one_cluster_are_one_feature_with_the_hash_nearest_the_leader() -> None:
    near, far = b"n" * 32, b"f" * 32
    known = Known(
        clusters={near: Placed(cluster=7, distance=3), far: Placed(cluster=7, distance=20)}, plain=frozenset({far})
    )
    items = [ItemDraft(kind=ItemKind.FILE, hashes=(("pdq", value),)) for value in (far, near)]
    (found,) = features(draft(*items), known)
    assert (found.kind, found.hash, found.doubts) == (FeatureKind.PICTURE, near, {Doubt.PLAIN})


def test_a_proxy_is_a_proxy_wherever_the_address_stands() -> None:
    traces = [Trace(address="192.0.2.1", at=NOW, proxy=True), Trace(address="192.0.2.1", at=NOW)]
    assert list(keys(draft(traces=traces)).values()) == [{Doubt.PROXY}]


def test_a_carriers_network_is_what_it_was_said_to_be() -> None:
    known = Known(carriers=[ipaddress.ip_network("203.0.113.0/24")])
    assert keys(draft(traces=[Trace(address="203.0.113.9")]), known) == {
        (FeatureKind.ADDRESS, bytes([203, 0, 113, 9])): {Doubt.CARRIER}
    }


def test_an_ipv6_address_has_its_customers_network_beside_it() -> None:
    found = keys(draft(traces=[Trace(address="2001:db8:1:2:3:4:5:6")]))
    whole = ipaddress.ip_address("2001:db8:1:2:3:4:5:6").packed
    assert found.keys() == {(FeatureKind.ADDRESS, whole), (FeatureKind.NETWORK, whole[:8])}


def test_a_number_is_read_by_the_reports_country_if_it_names_one_only() -> None:
    def report(*countries: str) -> ReportDraft:
        people = (NamedPerson(role=PersonRole.VICTIM, identifiers=tuple(signs(IdentifierKind.PHONE, "0612345678"))),)
        return ReportDraft(
            source=Source.PUBLIC, reporter=Reporter(kind=ReporterKind.CITIZEN), incident=Incident.OTHER, people=people,
            places=tuple(Place(country=country) for country in countries),
        )  # fmt: skip

    assert keys(report("nl", "NL")) == {(FeatureKind.PHONE, b"+31612345678"): frozenset()}
    assert keys(report("NL", "BE")) == {(FeatureKind.PHONE, b"0612345678"): {Doubt.NO_COUNTRY}}


def test_traces_of_report_person_and_item_are_one_address_with_all_its_times() -> None:
    trace = [Trace(address="192.0.2.1", at=NOW + timedelta(hours=5 * number)) for number in range(3)]
    one = ReportDraft(
        source=Source.API, reporter=Reporter(kind=ReporterKind.COMPANY), incident=Incident.OTHER, traces=(trace[0],),
        people=(NamedPerson(role=PersonRole.REPORTED, traces=(trace[1],)),),
        items=(ItemDraft(kind=ItemKind.FILE, traces=(trace[2],)),),
    )  # fmt: skip
    (found,) = features(one)
    assert [period.first for period in found.seen] == [one.at for one in trace]
    assert found.roles == {PersonRole.REPORTED}


def test_a_time_without_its_zone_is_no_time() -> None:
    (found,) = features(draft(traces=[Trace(address="192.0.2.1", at=NOW.replace(tzinfo=None))]))
    assert found.seen == ()


def test_a_long_value_is_compared_by_its_digest() -> None:
    long = [ItemDraft(kind=ItemKind.ADDRESS, address=f"https://files.example/{'a' * 5000}{end}") for end in "bc"]
    pages = [found for one in long for found in features(draft(one)) if found.kind is FeatureKind.PAGE]
    assert len({found.key for found in pages}) == 2
    assert all(len(found.key) <= KEY_BYTES_MAX for found in pages)


def test_nothing_of_a_feature_is_shown_by_repr() -> None:
    assert "canary" not in repr(Feature(kind=FeatureKind.EMAIL, key=b"canary@example.org", hash=b"canary"))


# --- times ----------------------------------------------------------------------------------------------------------

times = st.lists(st.integers(0, 700).map(lambda minute: NOW + timedelta(minutes=minute)), max_size=5)


@settings(max_examples=400)
@given(one=times, other=times, window=st.sampled_from([30, 31, 60, 360]).map(lambda minutes: timedelta(minutes=minutes)))
def test_periods_tell_whether_two_lie_within_a_window_as_all_times_do(
    one: list[datetime], other: list[datetime], window: timedelta
) -> None:
    expected = any(abs(a - b) <= window for a in one for b in other)
    gap = apart(periods(one), periods(other))
    assert (gap is not None and gap <= window) == expected
    assert gap == apart(periods(other), periods(one))


@given(times)
def test_periods_hold_every_time_and_lie_apart(given_: list[datetime]) -> None:
    made = periods(given_)
    assert all(any(period.first <= at <= period.last for period in made) for at in given_)
    assert all(later.first - earlier.last > PERIOD_GAP for earlier, later in itertools.pairwise(made))
