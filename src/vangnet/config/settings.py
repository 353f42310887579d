"""The settings of one installation: what each is, what it may be, and which belong together."""

import ipaddress
import os
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from vangnet.config.values import DoorsNames, DoorsUse, FetchFrom, LogFormat, MediaLimits, ProbingLimits, listen_address


def default_data_dir(environ: Mapping[str, str], effective_user_id: int) -> Path:
    """Where an installation keeps its data when nothing is said (XDG Base Directory specification; FHS for root)."""
    if effective_user_id == 0:
        return Path("/var/lib/vangnet")
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "vangnet"


class Settings(BaseModel):
    """Every setting. `vangnet config show` prints them; docs/reference/configuration.md is made from this class."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Path = Field(
        default_factory=lambda: default_data_dir(os.environ, os.geteuid()),
        description="Folder with everything this installation keeps, the embedded database included.",
    )
    keys_dir: Path = Field(
        default_factory=lambda data: data["data_dir"].with_name(data["data_dir"].name + ".keys"),
        description="Folder with the keys that seal and sign. Outside the data folder, and backed up apart from it.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="A PostgreSQL server of your own, as the runtime role. Without it an embedded server is started.",
    )
    database_owner_url: SecretStr | None = Field(
        default=None,
        description="The same server as the owner role; needed only by `vangnet db migrate`, backup and restore.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8800, ge=1, le=65535, description="Port to listen on.")
    base_url: str = Field(
        default_factory=lambda data: f"http://{data['host']}:{data['port']}",
        description="Address under which browsers and other installations reach this one.",
    )
    log_format: LogFormat = Field(default=LogFormat.AUTO, description="How log lines look.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least serious log lines that are written."
    )
    audit_heads_dir: Path = Field(
        default_factory=lambda data: data["data_dir"] / "audit-heads",
        description="Folder to which the signed heads of the audit chain are exported. Best on another machine's disk.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1, ::1",
        description="Addresses of your reverse proxies, separated by commas: their X-Forwarded-For says who asks.",
    )
    session_idle_minutes: int = Field(
        default=30, ge=1, le=1440, description="A session ends after so many minutes without a request."
    )
    session_hours: int = Field(default=12, ge=1, le=168, description="A session ends after so many hours, used or not.")
    job_concurrency: int = Field(default=2, ge=1, le=64, description="How many jobs a worker runs side by side.")
    job_attempts: int = Field(
        default=6, ge=1, le=100, description="How often a failing job is tried before it is parked for a person to look at."
    )
    gate_bytes_at_once: int = Field(
        default=1024 * 1024 * 1024,
        ge=1024 * 1024,
        description="So many bytes of files may be in memory at once; beyond, the gate answers `unavailable`.",
    )
    gate_checks_at_once: int = Field(
        default=64, ge=1, le=4096, description="So many files are checked at once; beyond, the gate answers `unavailable`."
    )
    webhook_local: bool = Field(
        default=False, description="Whether the webhook's receiver may be on this machine, such as a program beside this."
    )
    uploader_help_nl: str | None = Field(
        default=None,
        max_length=300,
        description="Where help is found, for uploaders who read Dutch. With the next one: refused files get a text.",
    )
    uploader_help_en: str | None = Field(
        default=None, max_length=300, description="The same for uploaders who read English."
    )
    sharp_minutes_a_day: int = Field(
        default=90,
        ge=1,
        le=240,
        description="So many minutes a day somebody is shown sharp pictures at most; then there is other work.",
    )
    assessment_check_percent: int = Field(
        default=1,
        ge=0,
        le=20,
        description="In so many of a hundred reports a generated picture is mixed in, to check how the work is done.",
    )
    help_contacts_file: Path | None = Field(
        default=None,
        description="File (TOML) with the contacts of the public page of a hotline or the police; none: no public page.",
    )
    mailbox_host: str | None = Field(
        default=None, description="IMAP server (TLS) of the mailbox in which reports arrive; none: no mailbox."
    )
    mailbox_port: int = Field(default=993, ge=1, le=65535, description="Its port.")
    mailbox_user: str | None = Field(default=None, description="The name by which Vangnet signs in to that mailbox.")
    mailbox_password: SecretStr | None = Field(default=None, description="The password that goes with it.")
    mailbox_folder: str = Field(
        default="INBOX", min_length=1, max_length=200, description="The folder of the mailbox in which reports arrive."
    )
    mailbox_taken_folder: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Where a message is moved to when it was taken in; without it, it is marked as read and stays.",
    )
    probing_key_matches: int = Field(
        default=200,
        ge=1,
        description="So many matches of one API key in an hour are unusual, if they are the share below of its checks too.",
    )
    probing_key_percent: float = Field(default=5, ge=0, le=100, description="That share of a key's checks, in percent.")
    probing_key_variants: int = Field(
        default=60, ge=1, description="So many different look-alikes of one entry, by one API key in an hour, are unusual."
    )
    probing_uploader_matches: int = Field(
        default=20, ge=1, description="So many matches of one uploader in an hour are unusual."
    )
    probing_uploader_variants: int = Field(
        default=5, ge=1, description="So many different look-alikes of one entry, by one uploader in an hour, are unusual."
    )
    probing_limit_minutes: int = Field(
        default=60, ge=1, le=1440, description="For so long whoever did what is unusual is told less than others."
    )
    probing_refuses_uploaders: bool = Field(
        default=False, description="Whether an uploader who is limited is answered 429 meanwhile; a key never is."
    )
    partner_ca_file: Path | None = Field(
        default=None,
        description="Certificate authorities (PEM) trusted beside the system's when other installations are called.",
    )
    oidc_issuer: str | None = Field(
        default=None, description="Address of the party's own identity provider (OpenID Connect); none: no such sign-in."
    )
    oidc_client_id: str | None = Field(default=None, description="The client id that the identity provider gave.")
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="The client secret that the identity provider gave."
    )
    oidc_proves_second_factor: bool = Field(
        default=False,
        description="Whether that identity provider demands a second factor of everybody, so that none is asked for here.",
    )
    clamd_listen: str | None = Field(
        default=None,
        description="Where uploads are checked in clamd's protocol: `127.0.0.1:3310` or `/path/to/socket`; none: nowhere.",
    )
    icap_listen: str | None = Field(
        default=None,
        description="Where uploads are checked by ICAP: `127.0.0.1:1344` or `/path/to/socket`; none: nowhere.",
    )
    doors_use: DoorsUse = Field(
        default=DoorsUse.UPLOADS, description="What passes the two; for all but `uploads` a legal basis must be recorded."
    )
    doors_legal_basis: str | None = Field(
        default=None,
        description="The legal basis of a door for mail, chat or a forward proxy, or one that other machines reach.",
    )
    doors_legal_basis_until: date | None = Field(
        default=None, description="The last day of that legal basis. Afterwards the two doors check nothing any more."
    )
    doors_names: DoorsNames = Field(
        default=DoorsNames.CHECK, description="What clamd's and ICAP's clients are told about a file that does not pass."
    )
    doors_connections: int = Field(
        default=128, ge=1, le=4096, description="So many connections each door serves at once; others are refused at once."
    )
    doors_idle_seconds: float = Field(
        default=30, ge=1, le=3600, description="After so many seconds of silence a door ends a connection."
    )
    doors_request_seconds: float = Field(
        default=600, ge=1, le=86400, description="How many seconds a door waits for one file, however it trickles in."
    )
    hma_fetch: FetchFrom = Field(
        default=FetchFrom.NOWHERE,
        description="From where files are fetched that tools made for Hasher-Matcher-Actioner name by their addresses.",
    )
    media_bytes_max: int = Field(
        default=100 * 1024 * 1024,
        ge=1024,
        le=2 * 1024**3,
        description="Largest picture file that is hashed, in bytes. Of a larger one only digests are made.",
    )
    media_pixels_max: int = Field(
        default=200_000_000,
        ge=250_000,
        le=2_000_000_000,
        description="Most pixels (width times height) of a picture that is hashed. Telephones take 200 million.",
    )
    media_frames_max: int = Field(
        default=16,
        ge=1,
        le=1000,
        description="How many frames of an animation, or pages, are hashed; they are taken evenly from all there are.",
    )
    media_seconds_max: float = Field(
        default=10.0, ge=0.5, le=600, description="How many seconds decoding and hashing one file may take."
    )
    media_memory_bytes_max: int = Field(
        default=2 * 1024**3,
        ge=256 * 1024**2,
        le=64 * 1024**3,
        description="How much memory decoding one file may take, in bytes.",
    )
    media_quality_min: int = Field(
        default=50,
        ge=0,
        le=100,
        description="Below this PDQ quality a hash is given but not trusted: the file counts as `low_quality`.",
    )
    vault_dir: Path = Field(
        default_factory=lambda data: data["data_dir"] / "vault",
        description="Folder with the sealed media of a hotline or the police. Best on a disk of its own.",
    )
    vault_bytes_max: int = Field(
        default=8 * 1024**3,
        ge=1024,
        le=1024**4,
        description="Largest file that is put into the vault, in bytes.",
    )

    @field_validator("data_dir", "keys_dir", "audit_heads_dir", "vault_dir")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @field_validator("partner_ca_file", "help_contacts_file")
    @classmethod
    def _readable(cls, file: Path | None) -> Path | None:
        if file is not None and not os.access(file, os.R_OK):
            raise ValueError("must be a file that can be read")
        return file

    @field_validator("clamd_listen", "icap_listen")
    @classmethod
    def _where(cls, text: str | None) -> str | None:
        if text is not None and not text.startswith("/") and listen_address(text) is None:
            raise ValueError("must be an IP address with a port, as 127.0.0.1:3310 or [::1]:3310, or the path of a socket")
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, text: str) -> str:
        try:
            return ", ".join(str(ipaddress.ip_address(part.strip())) for part in text.split(",") if part.strip())
        except ValueError:
            raise ValueError("must be IP addresses, separated by commas") from None

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("must start with https:// unless it is on this machine")
        return url

    @field_validator("base_url")
    @classmethod
    def _origin(cls, url: str) -> str:
        scheme, _, rest = url.partition("://")
        if scheme not in {"http", "https"} or not rest.strip("/") or "/" in rest.rstrip("/"):
            raise ValueError("must be like https://vangnet.example.org, without a path")
        return url.rstrip("/")

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _postgres(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must be like postgresql://role:password@host/database")
        return url

    @model_validator(mode="after")
    def _belong_together(self) -> "Settings":
        if self.keys_dir == self.data_dir or self.data_dir in self.keys_dir.parents:
            raise ValueError(
                "VANGNET_KEYS_DIR must lie outside VANGNET_DATA_DIR: who copies the data must not get the keys"
            )
        if self.keys_dir == self.vault_dir or self.vault_dir in self.keys_dir.parents:
            raise ValueError(
                "VANGNET_KEYS_DIR must lie outside VANGNET_VAULT_DIR: who copies the files must not get the keys"
            )
        if (self.uploader_help_nl is None) is not (self.uploader_help_en is None):
            raise ValueError("VANGNET_UPLOADER_HELP_NL and VANGNET_UPLOADER_HELP_EN are given together, or not at all")
        if self.oidc_issuer is not None and self.oidc_client_id is None:
            raise ValueError("VANGNET_OIDC_ISSUER needs VANGNET_OIDC_CLIENT_ID")
        if self.mailbox_host is not None and (self.mailbox_user is None or self.mailbox_password is None):
            raise ValueError("VANGNET_MAILBOX_HOST needs VANGNET_MAILBOX_USER and VANGNET_MAILBOX_PASSWORD")
        if self.database_owner_url is not None and self.database_url is None:
            raise ValueError("VANGNET_DATABASE_OWNER_URL needs VANGNET_DATABASE_URL")
        if self.doors_need_basis and not (self.doors_legal_basis and self.doors_legal_basis_until):
            raise ValueError(
                "VANGNET_DOORS_LEGAL_BASIS and VANGNET_DOORS_LEGAL_BASIS_UNTIL are needed: clamd and ICAP know no log-in, "
                "so without them these listen on loopback addresses and sockets, and for uploads, only"
            )
        return self

    @property
    def doors_need_basis(self) -> bool:
        """Whether the doors without log-in are for more than uploads on this machine."""
        addresses = [listen_address(text) for text in (self.clamd_listen, self.icap_listen) if text is not None]
        beyond = any(address is not None and not address[0].is_loopback for address in addresses)
        return bool(addresses) and (beyond or self.doors_use is not DoorsUse.UPLOADS)

    @property
    def media_limits(self) -> MediaLimits:
        """The limits of hashing, as the edges hand them on: `Limits(**settings.media_limits)`."""
        return MediaLimits(
            bytes=self.media_bytes_max,
            pixels=self.media_pixels_max,
            frames=self.media_frames_max,
            seconds=self.media_seconds_max,
            memory_bytes=self.media_memory_bytes_max,
            quality=self.media_quality_min,
        )

    @property
    def probe_limits(self) -> ProbingLimits:
        """From when on whoever asks the gate seems to try the lists out: `ProbeLimits(**settings.probe_limits)`."""
        return ProbingLimits(
            key_matches=self.probing_key_matches,
            key_share=self.probing_key_percent / 100,
            key_variants=self.probing_key_variants,
            uploader_matches=self.probing_uploader_matches,
            uploader_variants=self.probing_uploader_variants,
            lasts=timedelta(minutes=self.probing_limit_minutes),
            refuses_uploaders=self.probing_refuses_uploaders,
        )

    @property
    def embedded_database(self) -> bool:
        """Whether Vangnet starts and stops its own PostgreSQL."""
        return self.database_url is None
