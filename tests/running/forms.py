"""Forms as somebody without script fills them in: what a page offers, and what it sends."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx2


@dataclass(kw_only=True)
class Form:
    """One form of a page: where it goes, and what stands in it."""

    action: str
    values: dict[str, list[str]] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._select: str | None = None
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            data = {name: value for name, value in values.items() if name.startswith("data-")}
            self.found.append(Form(action=values.get("action", ""), data=data))
        if not self.found:
            return
        match tag:
            case "input" if values.get("type") not in {"checkbox", "radio", "submit"} or "checked" in values:
                self._add(values.get("name", ""), values.get("value", ""))
            case "textarea":
                self._textarea = values["name"]
                self._add(self._textarea, "")
            case "select":
                self._select = values["name"]
            case "option" if self._select is not None and (
                self._select not in self.found[-1].values or "selected" in values
            ):
                self.found[-1].values[self._select] = [values["value"]]

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self.found[-1].values[self._textarea][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._textarea = None

    def _add(self, name: str, value: str) -> None:
        self.found[-1].values.setdefault(name, []).append(value)


def forms_of(answer: httpx2.Response) -> list[Form]:
    """Every form of a page."""
    parser = _Forms()
    parser.feed(answer.text)
    return parser.found


def form_to(answer: httpx2.Response, action: str) -> Form:
    """The page's form that goes there."""
    found = [form for form in forms_of(answer) if form.action == action]
    assert found, f"{answer.status_code}: no form to {action} among {[form.action for form in forms_of(answer)]}"
    return found[0]


def submit(client: httpx2.Client, page: httpx2.Response, action: str, /, **typed: Any) -> httpx2.Response:
    """Fills in the page's form that goes to `action` and sends it, as a browser does. Redirects are not followed."""
    form = form_to(page, action)
    missing = set(typed) - set(form.values)
    checkboxes = {name for name in missing if f'name="{name}"' in page.text}
    assert missing <= checkboxes, f"the form has no field {missing - checkboxes}"
    return client.post(action, data={**form.values, **typed})
