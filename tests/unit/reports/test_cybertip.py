"""CyberTips in XML: what is read of them, and what becomes of broken and hostile ones."""

import io
import random
import resource
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running.lists import Dripping, Stream, mutated

from vangnet.reports.formats import cybertip
from vangnet.reports.formats.reading import Found, Unreadable, UnreadableReason
from vangnet.reports.formats.tips import INCIDENTS
from vangnet.reports.formats.xml import RECORD_MAX
from vangnet.reports.model.drafts import (
    IdentifierKind,
    Incident,
    ItemKind,
    PersonRole,
    Place,
    ReportDraft,
    Sign,
)
from vangnet.simulation import cybertips as made

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MD5, SHA1, SHA256 = "ab" * 16, "cd" * 20, "ef" * 32
SUMMARY = """<incidentSummary>
  <incidentType>Online Enticement of Children for Sexual Acts</incidentType>
  <platform>chat.example</platform>
  <incidentDateTime>2026-11-20T10:00:00+01:00</incidentDateTime>
</incidentSummary>"""
REPORTER = (
    "<reporter><reportingPerson><firstName>A</firstName><email>trust@chat.example</email></reportingPerson></reporter>"
)


def xml(body: str, *, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    return (head + body).encode()


def report(*sections: str, details: str = "") -> bytes:
    return xml(f"<delivery><report>{''.join(sections or (SUMMARY, REPORTER))}</report>{details}</delivery>")


def details(*elements: str) -> str:
    return f"<fileDetails>{''.join(elements)}</fileDetails>"


def read(data: bytes) -> list[Found]:
    return cybertip.read(io.BytesIO(data), now=NOW, where="a.xml")


def draft(data: bytes) -> ReportDraft:
    (found,) = read(data)
    assert isinstance(found, ReportDraft), found
    return found


def unreadable(data: bytes) -> Unreadable:
    (found,) = read(data)
    assert isinstance(found, Unreadable), found
    return found


def said(found: ReportDraft) -> str:
    return "; ".join(found.problems)


# --- what is read ---


def test_a_report_becomes_a_draft_with_who_what_and_when() -> None:
    found = draft(
        report(
            SUMMARY,
            "<internetDetails><webPageIncident><url>https://chat.example/r/1</url></webPageIncident></internetDetails>",
            REPORTER,
            """<personOrUserReported>
              <personOrUserReportedPerson><firstName>An</firstName><lastName>Example</lastName>
                <phone countryCallingCode="31">0612345678</phone><email verified="true">a@mail.example</email>
                <address><city>Voorbeeldstad</city><country>NL</country></address></personOrUserReportedPerson>
              <espIdentifier>77</espIdentifier><screenName>name77</screenName><displayName>N</displayName>
              <profileUrl>https://chat.example/u/77</profileUrl>
              <ipCaptureEvent><ipAddress>2001:DB8::0:1</ipAddress><eventName>Login</eventName>
                <dateTime>2026-11-19T23:30:00Z</dateTime><possibleProxy>1</possibleProxy><port>4711</port></ipCaptureEvent>
              <deviceId><idType>IMEI</idType><idValue>123</idValue></deviceId>
            </personOrUserReported>""",
            "<victim><espIdentifier>88</espIdentifier><espService>games.example</espService></victim>",
            "<additionalInfo>words</additionalInfo>",
        )
    )
    assert (found.incident, found.signs, found.problems) == (Incident.ENTICEMENT, {Sign.ENTICEMENT}, ())
    assert found.incident_at == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    assert (found.reporter.name, found.reporter.contact) == ("A", "trust@chat.example")
    reported, victim = found.people
    assert (reported.role, victim.role) == (PersonRole.REPORTED, PersonRole.VICTIM)
    assert [(one.kind, one.value, one.service) for one in reported.identifiers] == [
        (IdentifierKind.ACCOUNT, "77", "chat.example"),
        (IdentifierKind.SCREEN_NAME, "name77", "chat.example"),
        (IdentifierKind.PROFILE, "https://chat.example/u/77", None),
        (IdentifierKind.NAME, "N", None),
        (IdentifierKind.DEVICE, "123", None),
        (IdentifierKind.NAME, "An Example", None),
        (IdentifierKind.PHONE, "+31612345678", None),
        (IdentifierKind.EMAIL, "a@mail.example", None),
    ]
    assert [one.verified for one in reported.identifiers if one.kind is IdentifierKind.EMAIL] == [True]
    (trace,) = reported.traces
    assert (trace.address, trace.event, trace.proxy, trace.port) == ("2001:db8::1", "login", True, 4711)
    assert victim.identifiers[0].service == "games.example"
    assert found.places == (Place(country="NL", city="Voorbeeldstad"),)
    assert [(one.kind, one.address) for one in found.items] == [(ItemKind.ADDRESS, "https://chat.example/r/1")]
    assert "additionalInfo: words" in found.text


def test_details_of_a_file_become_an_item() -> None:
    (item,) = draft(
        report(
            details=details(
                "<fileId>f-1</fileId><originalFileName>photo.jpg</originalFileName>",
                "<uploadedToEspTimestamp>2026-11-18T08:00:00Z</uploadedToEspTimestamp>",
                "<locationOfFile>https://chat.example/f/1</locationOfFile><fileViewedByEsp>true</fileViewedByEsp>",
                "<publiclyAvailable>false</publiclyAvailable><fileRelevance>Supplemental Reported</fileRelevance>",
                "<fileAnnotations><infant>true</infant><viral>false</viral><generativeAi>true</generativeAi></fileAnnotations>",
                "<industryClassification>A2</industryClassification>",
                f'<originalFileHash hashType="MD5">{MD5.upper()}</originalFileHash>',
                f'<originalFileHash hashType="SHA-1">{SHA1}</originalFileHash>',
                "<ipCaptureEvent><ipAddress>192.0.2.7</ipAddress><eventName>Upload</eventName></ipCaptureEvent>",
                "<details><nameValuePair type='HASH'><name>SHA256</name>",
                f"<value>{SHA256}</value></nameValuePair>",
                "<nameValuePair type='EXIF'><name>Model</name><value>x</value></nameValuePair></details>",
            )
        )
    ).items
    assert (item.kind, item.reference, item.file_name) == (ItemKind.FILE, "f-1", "photo.jpg")
    assert (item.viewed, item.public, item.supplemental) == (True, False, True)
    assert item.classified is not None
    assert (item.classified.scheme, item.classified.code) == ("ncmec", "A2")
    assert item.signs == {Sign.INFANT, Sign.MADE_UP}
    assert item.hashes == (("md5", bytes.fromhex(MD5)), ("sha1", bytes.fromhex(SHA1)), ("sha256", bytes.fromhex(SHA256)))
    assert (item.at, item.traces[0].address) == (datetime(2026, 11, 18, 8, 0, tzinfo=UTC), "192.0.2.7")
    assert item.text == "EXIF Model: x"


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("", None),
        ("<fileViewedByEsp/>", None),
        ("<fileViewedByEsp>perhaps</fileViewedByEsp>", None),
        ("<fileViewedByEsp>false</fileViewedByEsp>", False),
        ("<fileViewedByEsp>1</fileViewedByEsp>", True),
    ],
)
def test_whether_a_file_was_viewed_is_what_was_said_and_nothing_where_nothing_was(
    element: str, expected: bool | None
) -> None:
    assert draft(report(details=details(element))).items[0].viewed is expected


@pytest.mark.parametrize(("name", "incident"), INCIDENTS.items())
def test_every_kind_of_incident_of_the_form_is_known(name: str, incident: Incident) -> None:
    text = f"<incidentSummary><incidentType> {name.upper()} </incidentType></incidentSummary>"
    assert draft(report(text)).incident is incident


def test_a_request_for_haste_is_a_sign_and_its_words_are_kept() -> None:
    asked = SUMMARY.replace("<incidentDateTime>", "<escalateToHighPriority>why</escalateToHighPriority><incidentDateTime>")
    assert Sign.DANGER_NOW in draft(report(asked, REPORTER)).signs
    assert "why" in draft(report(asked, REPORTER)).text
    assert Sign.DANGER_NOW not in draft(report(asked.replace(">why<", "> <"), REPORTER)).signs


def test_a_report_without_any_file_is_a_report() -> None:
    chat = "<chatImIncident><chatClient>c</chatClient><content>line\nline</content></chatImIncident>"
    found = draft(report(SUMMARY, f"<internetDetails>{chat}</internetDetails>", REPORTER))
    assert found.items == ()
    assert "chatImIncident content: line\nline" in found.text


def test_nothing_of_a_report_is_shown_by_repr() -> None:
    tip = made.make_tip(3, now=NOW, files=2)
    shown = repr(draft(xml(f"<d>{tip.report}{''.join(tip.details)}</d>")))
    for secret in (
        "mail.example",
        "192.0.2",
        "198.51",
        "203.0.113",
        "2001:db8",
        "picture0",
        "Name ",
        tip.report_id,
        "Voorbeeld",
    ):
        assert secret not in shown


@pytest.mark.parametrize("seed", range(20))
def test_what_the_generator_makes_is_read_without_a_problem(seed: int) -> None:
    tip = made.make_tip(seed, now=NOW, files=4, with_content=False)
    found = draft(xml(f"<d>{tip.report}{''.join(tip.details)}</d>"))
    assert found.problems == ()
    assert found.reference == tip.report_id
    files = [item for item in found.items if item.kind is ItemKind.FILE]
    assert [(item.reference, item.viewed) for item in files] == [(file.file_id, file.viewed) for file in tip.files]


def test_another_order_of_elements_is_read_and_told() -> None:
    tip = made.make_tip(5, now=NOW, files=0)
    right = draft(xml(tip.report))
    turned = draft(xml(made.shuffled(tip.report, random.Random(2))))  # noqa: S311 (a test's own)
    assert "another order" in said(turned)
    assert (turned.people, turned.incident, turned.signs, turned.items) == (
        right.people,
        right.incident,
        right.signs,
        right.items,
    )


def test_several_reports_in_a_document_keep_their_own_files() -> None:
    first, second = (made.make_tip(seed, now=NOW, files=2, with_content=False) for seed in (1, 2))
    reports = [f'<report id="{tip.report_id}">{tip.report.removeprefix("<report>")}' for tip in (first, second)]
    found = read(xml(f"<d>{reports[0]}{''.join(second.details)}{reports[1]}{''.join(first.details)}</d>"))
    assert [
        [item.reference for item in one.items if item.kind is ItemKind.FILE]
        for one in found
        if isinstance(one, ReportDraft)
    ] == [[file.file_id for file in tip.files] for tip in (first, second)]


def test_details_without_their_report_are_a_report_that_says_so() -> None:
    found = draft(xml(details("<reportId>12345</reportId><fileId>f</fileId>")))
    assert (found.reference, found.incident, len(found.items)) == ("12345", Incident.OTHER, 1)
    assert "the report itself is missing" in said(found)


def test_a_namespace_changes_nothing() -> None:
    plain = draft(report(details=details("<fileId>f</fileId>")))
    spaced = draft(
        report(details=details("<fileId>f</fileId>")).replace(b"<delivery>", b'<delivery xmlns="https://x.example">')
    )
    assert plain == spaced


# --- what is wrong ---


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (report(REPORTER), "no incidentType"),
        (report(SUMMARY), "who reports"),
        (report(SUMMARY.replace("Online", "Offline"), REPORTER), "not known here"),
        (report(SUMMARY.replace("2026-11-20T10", "2026-11-20 ten"), REPORTER), "a time could not be read"),
        (report(SUMMARY.replace("+01:00", ""), REPORTER), "read as UTC"),
        (report(SUMMARY.replace("2026-11-20", "0001-01-01"), REPORTER), "before 1990"),
        (report(SUMMARY.replace("2026-11-20", "2031-11-20"), REPORTER), "in the future"),
        (report(SUMMARY, REPORTER, "<somethingNew><a/></somethingNew>"), "does not have"),
        (report(details=details("<fileViewedByEsp>perhaps</fileViewedByEsp>")), "neither"),
        (report(details=details("<industryClassification>C9</industryClassification>")), "classification"),
        (report(details=details('<originalFileHash hashType="MD5">xyz</originalFileHash>')), "32 hex digits"),
        (report(details=details(f"<originalFileHash>{MD5}</originalFileHash>")), "kind is not said"),
        (report(details=details("<locationOfFile>javascript:alert(1)</locationOfFile>")), "an address on the web"),
        (report(details=details("<locationOfFile>http://localhost/x</locationOfFile>")), "no host"),
        (report(details=details("<fileId>a</fileId><fileId>b</fileId>")), "several times"),
        (report(details=details("<originalFileName>a\u202egpj.exe</originalFileName>")), "cannot be seen"),
        (report(details=details("<originalFileName>" + "x" * 2000 + "</originalFileName>")), "more than 1000"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_told(data: bytes, says: str) -> None:
    assert says in said(draft(data))


@pytest.mark.parametrize(
    "address",
    [
        "999.1.1.1",
        "",
        "example.org",
        "0.0.0" + ".0",
        "127.0.0.1",
        "::1",
        "224.0.0.1",
        "fe80::1",
        "1" * 5000,
        "192.0.2.1/24",
    ],
)
def test_an_address_at_which_nobody_can_be_is_no_trace(address: str) -> None:
    event = f"<ipCaptureEvent><ipAddress>{address}</ipAddress></ipCaptureEvent>"
    found = draft(report(details=details(event)))
    assert found.items[0].traces == ()
    assert ("network address" in said(found)) == bool(address)


@pytest.mark.parametrize(
    ("written", "address", "port"),
    [
        (" 192.0.2.1 ", "192.0.2.1", None),
        ("192.0.2.1:443", "192.0.2.1", 443),
        ("[2001:db8::1]:443", "2001:db8::1", 443),
        ("2001:0DB8:0::1", "2001:db8::1", None),
        ("::ffff:192.0.2.1", "192.0.2.1", None),
    ],
)
def test_an_address_is_kept_in_one_spelling(written: str, address: str, port: int | None) -> None:
    event = f"<ipCaptureEvent><ipAddress>{written}</ipAddress></ipCaptureEvent>"
    (trace,) = draft(report(details=details(event))).items[0].traces
    assert (trace.address, trace.port) == (address, port)


def test_a_clock_that_is_a_little_fast_is_told_and_its_time_kept() -> None:
    at = NOW + timedelta(hours=2)
    found = draft(report(SUMMARY.replace("2026-11-20T10:00:00+01:00", at.isoformat()), REPORTER))
    assert found.incident_at == at
    assert "clock is fast" in said(found)


def test_a_thousand_equal_problems_are_one_sentence_that_quotes_nothing() -> None:
    bad = details("<ipCaptureEvent><ipAddress>canary</ipAddress></ipCaptureEvent>")
    problems = draft(report(details=bad * 1000)).problems
    assert problems == ("a network address is none, and was left out (1000 times)",)


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("cp1252", "windows-1252"),
     ("iso8859-15", "ISO-8859-15"), ("utf-32", "UTF-32")],
)  # fmt: skip
def test_the_usual_encodings_are_read(encoding: str, declared: str) -> None:
    text = report(SUMMARY.replace("chat.example", "café.example"), REPORTER).decode().replace("UTF-8", declared)
    found = draft(text.encode(encoding))
    assert found.text.startswith("platform: café.example")
    assert found.problems == ()


def test_bytes_of_another_encoding_spoil_their_letters_only() -> None:
    data = report(SUMMARY.replace("chat.example", "caf?.example"), REPORTER).replace(b"caf?", "café".encode("latin-1"))
    found = draft(data)
    assert found.text.startswith("platform: caf\ufffd.example")
    assert found.incident is Incident.ENTICEMENT
    assert "not of its encoding" in said(found)


def test_control_characters_spoil_their_letters_only() -> None:
    assert "not of its encoding" in said(draft(report().replace(b"chat.example", b"chat\x00\x01.example")))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
def test_a_report_that_breaks_off_is_kept_as_far_as_it_goes(share: float) -> None:
    whole = report(SUMMARY, REPORTER)
    found = draft(whole[: int(len(whole) * share)])
    assert (found.incident is Incident.ENTICEMENT) == (share > 0.7)
    assert "breaks off" in said(found)


def test_files_before_a_break_are_kept() -> None:
    whole = report(details=details("<fileId>f</fileId>") * 3000)
    found = draft(whole[: len(whole) // 2])
    assert 1400 < len(found.items) <= 1500
    assert "breaks off at line" in said(found)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", UnreadableReason.NOT_THIS_FORM),
        (b"\x00" * 100, UnreadableReason.NOT_THIS_FORM),
        (b"no xml", UnreadableReason.NOT_THIS_FORM),
        (b"<", UnreadableReason.NOT_THIS_FORM),
        (b"<a>", UnreadableReason.BROKEN),
        (b"<a></b>", UnreadableReason.BROKEN),
        (b"<a/>", UnreadableReason.NO_REPORT),
        (b"<reportResponse><reportId>1</reportId></reportResponse>", UnreadableReason.NO_REPORT),
        (b"<" * 100_000, UnreadableReason.NOT_THIS_FORM),
        (b"<a>" * 100_000, UnreadableReason.BROKEN),
        (b'<?xml version="1.0"?><!DOCTYPE report []><report/>', UnreadableReason.FORBIDDEN),
        (b"<!-- a --><!DOCTYPE report SYSTEM 'file:///etc/hostname'><report/>", UnreadableReason.FORBIDDEN),
    ],
)
def test_what_is_no_report_says_why(data: bytes, reason: UnreadableReason) -> None:
    found = unreadable(data)
    assert found.reason is reason
    assert found.where == "a.xml"


def test_an_entity_bomb_is_refused_before_anything_of_it_is_opened() -> None:
    entities = '<!ENTITY a0 "x">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    found = unreadable(xml(f"<!DOCTYPE report [{entities}]><report><additionalInfo>&a11;</additionalInfo></report>"))
    assert found.reason is UnreadableReason.FORBIDDEN


def test_an_entity_that_is_nowhere_defined_breaks_its_document_only() -> None:
    assert "breaks off" in said(draft(report("<additionalInfo>&nowhere;</additionalInfo>", SUMMARY)))


def test_a_document_type_inside_a_text_is_a_text() -> None:
    found = draft(report(SUMMARY, REPORTER, "<additionalInfo><![CDATA[<!DOCTYPE html><p>]]></additionalInfo>"))
    assert "<!DOCTYPE html>" in found.text


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"<fileDetails>", b"<a/>"),
        (b"<x>", b"<a b='1'/>"),
        (b"<x>", b"<a>" + b"y" * 5000 + b"</a>"),
        (b"<report>", b"&#32;"),
    ],
)
def test_a_record_without_an_end_is_stopped_at_a_limit(head: bytes, piece: bytes) -> None:
    block = piece * (100_000 // len(piece))
    stream = Stream(lambda _: block, 20 * RECORD_MAX // len(block), head=head)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (found,) = cybertip.read(stream, now=NOW)
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    said_so = found.problem if isinstance(found, Unreadable) else said(found)
    assert str(RECORD_MAX) in said_so
    assert stream.bytes_read <= RECORD_MAX + 1_000_000
    # What the parser holds is outside of Python, so that the whole process is looked at.
    assert grown_mib < 150


def test_ten_thousand_files_are_read_piece_by_piece() -> None:
    pieces = made.many_details(10_000, report_id="123456789", now=NOW, seed=1)
    stream = Stream(lambda _: next(pieces, b""), 10_003)
    (found,) = cybertip.read(stream, now=NOW)
    assert isinstance(found, ReportDraft)
    assert len([item for item in found.items if item.kind is ItemKind.FILE]) == 10_000
    assert found.problems == ()


def test_it_is_the_same_however_it_is_handed_over() -> None:
    tip = made.make_tip(11, now=NOW, files=3, with_content=False)
    data = xml(f"<d>{tip.report}{''.join(tip.details)}</d>")
    assert cybertip.read(Dripping(data, 4), now=NOW) == read(data)


# --- fuzz ---


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), tip=st.integers(0, 50))
def test_any_change_to_a_report_leaves_drafts_and_what_could_not_be_read(seed: int, tip: int) -> None:
    one = made.make_tip(tip, now=NOW, files=2, with_content=False)
    found = read(mutated(xml(f"<d>{one.report}{''.join(one.details)}</d>"), seed))
    assert found
    assert all(isinstance(each, ReportDraft | Unreadable) for each in found)


_NAMES = st.sampled_from(
    ["report", "fileDetails", "incidentSummary", "personOrUserReported", "victim", "reporter", "additionalInfo", "email",
     "ipCaptureEvent", "ipAddress", "dateTime", "details", "nameValuePair", "originalFileHash", "fileAnnotations", "viral",
     "internetDetails", "webPageIncident", "url", "associatedAccount", "batchedReport", "reportId", "deviceId", "x"]
)  # fmt: skip
_TREES = st.recursive(
    st.text(max_size=12).map(made.escape),
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>", _NAMES, st.lists(inner, max_size=5)
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(tree=_TREES)
def test_any_elements_anywhere_leave_drafts_and_what_could_not_be_read(tree: str) -> None:
    found = read(f"<report>{tree}</report>".encode("utf-8", errors="replace"))
    assert all(isinstance(each, ReportDraft | Unreadable) for each in found)


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_leave_drafts_and_what_could_not_be_read(data: bytes) -> None:
    assert all(isinstance(each, ReportDraft | Unreadable) for each in read(data))
