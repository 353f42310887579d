"""What a password must be: long, and not one that is tried first. Nothing is asked of its composition.

After NIST SP 800-63B-4, section 3.1.1: a minimum length, a list of what is refused, all characters allowed, no rules on
their mixture, no change after a period.
"""

import itertools
import unicodedata

from vangnet.errors import InvalidInput

SHORTEST = 12
#: Long enough for every password manager; a limit, because hashing megabytes is a way to keep a server busy.
LONGEST = 256
#: So many letters and digits of a password must be its own when it holds the person's name, address or party.
_OWN_CHARACTERS = 6

#: What is tried first, written without the digits and signs that people put behind it. Ours; not taken from a leak.
_COMMON_WORDS = """
password passwordpassword passw0rd p@ssword p@ssw0rd mypassword newpassword thepassword changeme changemenow changeit
changethis letmein letmeinplease iloveyou iloveyouverymuch welcome welcomehome administrator administrators superuser
adminadmin adminadminadmin rootrootroot testtesttest testpassword temppassword temporary temporarypassword
defaultpassword secretsecret supersecret topsecret opensesame trustno correcthorsebatterystaple qwerty qwertyqwerty
qwertyuiop qwertyuiopasdfghjkl qazwsxedc qazwsxedcrfv asdfghjkl asdfasdfasdf zxcvbnm azertyuiop qwertzuiop
wachtwoord mijnwachtwoord nieuwwachtwoord geheim geheimgeheim welkom welkomwelkom welkomthuis welkombij hallohallo
ikhouvanjou ikhouvanjouw zomer zomervakantie winter wintertijd lente herfst januari februari maart april augustus
september oktober november december maandag dinsdag woensdag donderdag vrijdag zaterdag zondag nederland amsterdam
rotterdam utrecht denhaag eindhoven groningen ajaxamsterdam feyenoord psveindhoven sinterklaas koningsdag
summer spring autumn january february october monday football footballfootball baseball basketball liverpool
manchesterunited sunshine princess dragon superman batman starwars pokemon monkey michael jennifer jordan
vangnet vangnetvangnet politie meldpunt hotline provider authority autoriteit beheerder gebruiker computer internet
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def normal_form(password: str) -> str:
    """The form that is hashed, so that another keyboard gives the same password (NFKC, as NIST SP 800-63B-4 asks)."""
    return unicodedata.normalize("NFKC", password)


def check(password: str, *, name: str, email: str, party_name: str) -> None:
    """Raises InvalidInput where the password is too short, too long, or one that would be tried early."""
    password = normal_form(password)
    if len(password) < SHORTEST:
        raise InvalidInput(field="password", problem=f"must have at least {SHORTEST} characters; a sentence is fine")
    if len(password) > LONGEST:
        raise InvalidInput(field="password", problem=f"must have at most {LONGEST} characters")
    letters = _letters(password)
    tried = {_stem(password), letters, "".join(filter(str.isalpha, letters))}
    if _is_simple_run(password.casefold()) or tried & _COMMON:
        raise InvalidInput(field="password", problem="is one of those that are tried first; take a sentence of your own")
    own = letters
    for known in _known_words(name, email, party_name):
        own = own.replace(known, "")
    if own != letters and len(own) < _OWN_CHARACTERS:
        raise InvalidInput(field="password", problem="must not be your name, your e-mail address or your party's name")


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _stem(password: str) -> str:
    """`Welcome-2026!!` → `welcome`: the digits and signs around a word hide nothing."""
    folded = password.casefold()
    first = next((i for i, character in enumerate(folded) if character.isalpha()), len(folded))
    last = next((i for i in range(len(folded), 0, -1) if folded[i - 1].isalpha()), 0)
    return folded[first:last]


def _is_simple_run(text: str) -> bool:
    """A short piece repeated (`abcabcabcabc`), or characters that follow each other (`123456789012`)."""
    for size in range(1, 5):
        if (text[:size] * (len(text) // size + 1))[: len(text)] == text:
            return True
    steps = {_step(before, after) for before, after in itertools.pairwise(text)}
    return steps in ({1}, {-1}, {9})


def _step(before: str, after: str) -> int:
    difference = ord(after) - ord(before)
    return difference % 10 if before.isdigit() and after.isdigit() else difference


def _known_words(name: str, email: str, party_name: str) -> list[str]:
    """The longest first. Short ones are left out: they occur in other words."""
    local_part, _, domain = email.partition("@")
    words = [email, local_part, domain, name, *name.split(), party_name, *party_name.split()]
    return sorted({letters for word in words if len(letters := _letters(word)) >= 4}, key=len, reverse=True)
