"""Made-up contacts for the public page of the demo and of tests."""

from datetime import date
from pathlib import Path

CONTACTS = """
leave_to = "https://weather.example/"

[[contact]]
for = ["no_link", "care"]
name_nl = "Hulplijn Voorbeeld"
name_en = "Example Helpline"
hours_nl = "dag en nacht"
hours_en = "day and night"
phone = "0800 0000"
checked_on = {day}

[[contact]]
for = ["me"]
name_nl = "Jongerenchat Voorbeeld"
name_en = "Example Youth Chat"
hours_nl = "elke dag van 9 tot 21 uur"
hours_en = "every day from 9 to 21"
chat = "https://chat.example/"
phone = "0800 0001"
checked_on = {day}

[[contact]]
for = ["worry"]
name_nl = "Anonieme Hulp Voorbeeld"
name_en = "Example Anonymous Help"
hours_nl = "werkdagen"
hours_en = "on working days"
web = "https://help.example/"
checked_on = {day}
"""


def write_contacts(folder: Path, *, checked_on: date) -> Path:
    """A file of them, checked on that day."""
    path = folder / "help-contacts.toml"
    path.write_text(CONTACTS.format(day=checked_on.isoformat()), encoding="utf-8")
    return path
