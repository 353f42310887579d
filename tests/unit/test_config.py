"""Settings: where each comes from, and what stops the start."""

from pathlib import Path

import pytest

from vangnet import config
from vangnet.errors import InvalidSettings
from vangnet.hashing.model import Limits

SECRET = "postgresql://role:canary-4711@db.example.org/vangnet"


def _shown(environ: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {row.name: (row.value, row.source) for row in config.show(environ)}


def _problems(environ: dict[str, str]) -> str:
    with pytest.raises(InvalidSettings) as caught:
        config.load(environ)
    return str(caught.value)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = tmp_path / "vangnet.toml"
    file.write_text('port = 9001\nhost = "127.0.0.2"\n', encoding="utf-8")
    shown = _shown({"VANGNET_CONFIG_FILE": str(file), "VANGNET_PORT": "9002"})
    assert shown["VANGNET_PORT"] == ("9002", "environment VANGNET_PORT")
    assert shown["VANGNET_HOST"] == ("127.0.0.2", f"file {file}")
    assert shown["VANGNET_LOG_LEVEL"] == ("info", "default")


def test_every_setting_is_shown_with_a_description() -> None:
    rows = config.show({})
    assert {row.name for row in rows} == {config.variable(field) for field in config.Settings.model_fields}
    assert all(row.description for row in rows)


def test_secrets_are_masked_where_settings_are_shown() -> None:
    assert _shown({"VANGNET_DATABASE_URL": SECRET})["VANGNET_DATABASE_URL"][0] == "********"
    assert "canary" not in repr(config.load({"VANGNET_DATABASE_URL": SECRET}))


def test_a_wrong_value_is_named_with_what_is_expected_and_what_was_given() -> None:
    problems = _problems({"VANGNET_PORT": "seventy"})
    assert "VANGNET_PORT" in problems
    assert "integer" in problems
    assert "seventy" in problems


def test_a_wrong_secret_is_named_without_its_value() -> None:
    problems = _problems({"VANGNET_DATABASE_URL": "mysql://canary-4711"})
    assert "VANGNET_DATABASE_URL" in problems
    assert "postgresql://" in problems
    assert "canary" not in problems


def test_all_wrong_settings_are_named_at_once() -> None:
    problems = _problems({"VANGNET_PORT": "0", "VANGNET_LOG_LEVEL": "loud"})
    assert "VANGNET_PORT" in problems
    assert "VANGNET_LOG_LEVEL" in problems


def test_a_misspelt_setting_stops_the_start_and_the_right_one_is_offered() -> None:
    problems = _problems({"VANGNET_DATABSE_URL": "x"})
    assert "there is no such setting" in problems
    assert "VANGNET_DATABASE_URL" in problems


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"VANGNET_DATA_DIR": "/a", "VANGNET_KEYS_DIR": "/a"}, "outside"),
        ({"VANGNET_DATA_DIR": "/a", "VANGNET_KEYS_DIR": "/a/b/c"}, "outside"),
        ({"VANGNET_OIDC_ISSUER": "https://id.example.org"}, "VANGNET_OIDC_CLIENT_ID"),
        ({"VANGNET_DATABASE_OWNER_URL": SECRET}, "VANGNET_DATABASE_URL"),
        ({"VANGNET_BASE_URL": "https://vangnet.example.org/path"}, "without a path"),
        ({"VANGNET_BASE_URL": "vangnet.example.org"}, "must be like https://"),
    ],
)
def test_settings_that_do_not_belong_together_are_refused(environ: dict[str, str], told: str) -> None:
    assert told in _problems(environ)


@pytest.mark.parametrize("content", ["port = = 1", "port = 1 # \ud800".encode("utf-8", "surrogatepass")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "vangnet.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert str(file) in _problems({"VANGNET_CONFIG_FILE": str(file)})
    assert str(tmp_path / "none") in _problems({"VANGNET_CONFIG_FILE": str(tmp_path / "none")})


def test_the_keys_lie_beside_the_data_by_default() -> None:
    settings = config.load({"VANGNET_DATA_DIR": "/srv/vangnet"})
    assert settings.keys_dir == Path("/srv/vangnet.keys")


@pytest.mark.parametrize(
    ("environ", "user", "expected"),
    [
        ({}, 0, "/var/lib/vangnet"),
        ({"XDG_DATA_HOME": "/home/a/.data"}, 1000, "/home/a/.data/vangnet"),
    ],
)
def test_the_data_folder_is_where_the_system_keeps_such_things(environ: dict[str, str], user: int, expected: str) -> None:
    assert config.default_data_dir(environ, user) == Path(expected)


def test_the_limits_of_hashing_are_settings_with_the_defaults_that_hashing_has() -> None:
    assert Limits(**config.load({}).media_limits) == Limits()
    environ = {
        "VANGNET_MEDIA_BYTES_MAX": "2048",
        "VANGNET_MEDIA_PIXELS_MAX": "300000",
        "VANGNET_MEDIA_FRAMES_MAX": "3",
        "VANGNET_MEDIA_SECONDS_MAX": "1.5",
        "VANGNET_MEDIA_MEMORY_BYTES_MAX": "1073741824",
        "VANGNET_MEDIA_QUALITY_MIN": "60",
    }
    expected = Limits(bytes=2048, pixels=300_000, frames=3, seconds=1.5, memory_bytes=1_073_741_824, quality=60)
    assert Limits(**config.load(environ).media_limits) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VANGNET_MEDIA_BYTES_MAX", "0"),
        ("VANGNET_MEDIA_PIXELS_MAX", "-1"),
        ("VANGNET_MEDIA_FRAMES_MAX", "0"),
        ("VANGNET_MEDIA_SECONDS_MAX", "0"),
        ("VANGNET_MEDIA_SECONDS_MAX", "nan"),
        ("VANGNET_MEDIA_MEMORY_BYTES_MAX", "1024"),
        ("VANGNET_MEDIA_QUALITY_MIN", "101"),
    ],
)
def test_a_limit_that_nothing_could_be_hashed_within_is_refused(name: str, value: str) -> None:
    assert name in _problems({name: value})


@pytest.mark.parametrize(
    "given",
    [
        {"VANGNET_CLAMD_LISTEN": "0.0.0.0:3310"},
        {"VANGNET_CLAMD_LISTEN": "[::]:3310"},
        {"VANGNET_ICAP_LISTEN": "192.0.2.7:1344"},
        {"VANGNET_ICAP_LISTEN": "127.0.0.1:1344", "VANGNET_DOORS_USE": "forward_proxy"},
        {"VANGNET_CLAMD_LISTEN": "/run/vangnet/clamd.sock", "VANGNET_DOORS_USE": "mail"},
        {"VANGNET_CLAMD_LISTEN": "0.0.0.0:3310", "VANGNET_DOORS_LEGAL_BASIS": "art. 1"},
        {"VANGNET_CLAMD_LISTEN": "0.0.0.0:3310", "VANGNET_DOORS_LEGAL_BASIS_UNTIL": "2027-01-31"},
    ],
)
def test_a_door_without_log_in_for_more_than_uploads_here_needs_a_legal_basis(given: dict[str, str]) -> None:
    with pytest.raises(InvalidSettings, match="VANGNET_DOORS_LEGAL_BASIS"):
        config.load(given)
    whole = given | {"VANGNET_DOORS_LEGAL_BASIS": "art. 1", "VANGNET_DOORS_LEGAL_BASIS_UNTIL": "2027-01-31"}
    assert config.load(whole).doors_need_basis


@pytest.mark.parametrize("where", ["127.0.0.1:3310", "[::1]:3310", "127.8.9.10:1", "/run/vangnet/clamd.sock"])
def test_a_door_for_uploads_on_this_machine_needs_no_legal_basis(where: str) -> None:
    assert not config.load({"VANGNET_CLAMD_LISTEN": where}).doors_need_basis


@pytest.mark.parametrize("where", ["localhost:3310", "3310", ":3310", "::1:3310", "127.0.0.1:70000", "clamd.sock", ""])
def test_a_door_that_is_nowhere_is_refused(where: str) -> None:
    with pytest.raises(InvalidSettings, match="VANGNET_CLAMD_LISTEN"):
        config.load({"VANGNET_CLAMD_LISTEN": where})
