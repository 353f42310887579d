"""Coming in, as a person does it: from an invitation to a second factor, back in with it, by passkey, and by OIDC."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from running.browser import WIDE, findings_of_axe
from running.identity_provider import CLIENT_ID, CLIENT_SECRET, running_provider
from running.server import CANARY_PASSWORD, RunningServer, console, own_database, running

from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import Language
from vangnet.identity.permissions import Role
from vangnet.identity.service import people

EMAIL = "nieuw.{}@kanarie.example"


def invited(server: RunningServer, email: str) -> str:
    """The link of an invitation."""
    with server.transaction() as conn:
        return people.invite(
            conn,
            console(),
            name="Noor Bakker",
            email=email,
            roles=frozenset({Role.STAFF}),
            language=Language.EN,
            base_url=server.url,
            now=datetime.now(UTC),
        ).link


def accept(page: Page, link: str) -> None:
    """Opens the invitation and chooses a password."""
    page.goto(link)
    page.get_by_label("Password", exact=True).fill(CANARY_PASSWORD)
    page.get_by_label("The same password again").fill(CANARY_PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add your second step")


def secret_shown(page: Page) -> str:
    """The key of the authenticator app, as somebody types it over."""
    return re.sub(r"\s", "", page.locator(".secret code").inner_text())


def sign_out(page: Page) -> None:
    """Under the name, sign out."""
    page.locator(".me > summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def type_password(page: Page, email: str) -> None:
    """The first half of a sign-in."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(CANARY_PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_from_an_invitation_to_a_session_and_back_in_with_password_and_code(server: RunningServer, new_page: Page) -> None:
    page, email = new_page, EMAIL.format("code")
    accept(page, invited(server, email))
    totp = pyotp.TOTP(secret_shown(page))
    page.get_by_label("Code of the app").fill(totp.now())
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    codes = page.locator(".secret code").inner_text().split()
    page.get_by_role("link", name="I have put them away").click()
    expect(page.locator(".me > summary")).to_have_text("Noor Bakker")

    sign_out(page)
    page.goto("/jobs")
    type_password(page, email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Second step")
    # Each code counts once: the next one is that of the next half-minute, which is taken early because clocks differ.
    page.get_by_label("Code of your authenticator app").fill(totp.at(datetime.now(UTC), counter_offset=1))
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/jobs$"))

    sign_out(page)
    type_password(page, email)
    page.get_by_role("link", name="Use a recovery code").click()
    page.locator("main input[name=code]").fill(codes[0])
    page.locator("main button.primary").click()
    expect(page.locator(".me > summary")).to_have_text("Noor Bakker")


def test_a_wrong_password_keeps_the_address_and_says_so(server: RunningServer, new_page: Page) -> None:
    new_page.goto("/sign-in")
    type_password(new_page, "nobody@kanarie.example")
    expect(new_page.get_by_role("alert")).to_be_visible()
    expect(new_page.get_by_label("E-mail address")).to_have_value("nobody@kanarie.example")
    expect(new_page.get_by_label("Password")).to_have_value("")


def test_a_passkey_alone_signs_in(server: RunningServer, new_page: Page) -> None:
    page, email = new_page, EMAIL.format("passkey")
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    accept(page, invited(server, email))
    page.get_by_label("What to call it").fill("This computer")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    page.get_by_role("link", name="I have put them away").click()
    sign_out(page)
    page.get_by_role("button", name="passkey").click()
    expect(page.locator(".me > summary")).to_have_text("Noor Bakker")


def test_by_the_partys_identity_provider(browser: Browser, postgres: EmbeddedServer, tmp_path: Path) -> None:
    email = EMAIL.format("oidc")
    with running_provider(tmp_path) as provider, own_database(postgres, "browser_oidc") as database:
        settings: dict[str, Any] = {
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": SecretStr(CLIENT_SECRET),
            "oidc_proves_second_factor": True,
        }
        (tmp_path / "log").touch()
        with running(database, tmp_path, tmp_path / "log", **settings) as server:
            provider.configure(server.url, {"noor": {"email": email, "email_verified": True}})
            invited(server, email)
            with browser.new_context(base_url=server.url, locale="en", viewport=WIDE, bypass_csp=False) as context:
                page = context.new_page()
                page.goto("/sign-in")
                page.get_by_role("link", name=re.compile("^Sign in at ")).click()
                page.locator("input[name=account]").fill("noor")
                page.locator("button").first.click()
                expect(page.locator(".me > summary")).to_have_text("Noor Bakker")


def test_the_second_step_is_accessible_too(server: RunningServer, browser: Browser) -> None:
    """The one page that test_pages.py cannot open by its address alone."""
    email = EMAIL.format("axe")
    with browser.new_context(base_url=server.url, locale="en", bypass_csp=True) as context:
        page = context.new_page()
        accept(page, invited(server, email))
        page.get_by_label("Code of the app").fill(pyotp.TOTP(secret_shown(page)).now())
        page.get_by_role("button", name="Finish").click()
        assert findings_of_axe(page) == []
        page.get_by_role("link", name="I have put them away").click()
        sign_out(page)
        type_password(page, email)
        expect(page.get_by_role("heading", level=1)).to_have_text("Second step")
        assert findings_of_axe(page) == []
        page.emulate_media(color_scheme="dark")
        assert findings_of_axe(page) == []
