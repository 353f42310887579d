"""What is asked about a file, when an answer stands, and who may give one. Pure.

Questions are data: codes and their words, of which Vangnet brings a set. Only the question `class` has a fixed meaning,
because lists and the order of reports go by it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from vangnet import _core
from vangnet.errors import Conflict, InvalidInput
from vangnet.registry.model.classification import Classification, Scheme, written
from vangnet.reports.model.facts import AgeClass

#: So near must two pictures be to be proposed as the same; and so many are proposed at once.
NEIGHBOUR_RADIUS = 31
NEIGHBOURS_MAX = 6
QUESTIONS_MAX = 12
OPTIONS_MAX = 12
_CODE_MAX = 40
_WORDS_MAX = 120
#: The question that every set has.
CLASS = "class"
AGE = "age"


class AssessedClass(StrEnum):
    """What somebody answered that a file is."""

    BASELINE = "baseline"  #: As the classification of that name.
    NATIONAL = "national"  #: As the classification of that name.
    INVESTIGATIVE = "investigative"  #: As the classification of that name.
    OTHER = "other"  #: As the classification of that name.
    NOT_ILLEGAL = "not_illegal"  #: There is nothing punishable in it (ICCAM's action 6).

    @property
    def classification(self) -> Classification:
        """As what it is kept and counted; what is not illegal is none of the others."""
        return Classification.OTHER if self is AssessedClass.NOT_ILLEGAL else Classification(self.value)


#: What a list takes. Nothing goes there on one person's word.
LISTED = frozenset({AssessedClass.BASELINE, AssessedClass.NATIONAL})


class Stage(StrEnum):
    """Whose answer it is."""

    FIRST = "first"  #: Of whoever works on the report.
    SECOND = "second"  #: Of somebody who does not know the first.
    THIRD = "third"  #: Of somebody who decides, because the first two differ.


class FileState(StrEnum):
    """How far the assessment of a file is."""

    OPEN = "open"  #: Nobody answered.
    SECOND = "second"  #: It waits for a second person, who is not told the first answer.
    THIRD = "third"  #: Two differ, and a third person decides.
    STANDS = "stands"  #: It is decided.


class NotListed(StrEnum):
    """Why a file is on no list although two people agree on a class that a list takes."""

    NO_LIST = "no_list"  #: No list of our own takes this class.
    NO_HASH = "no_hash"  #: It has no digest and no hash that could be listed.
    REFUSED = "refused"  #: A safeguard refuses it.
    LISTED = "listed"  #: It is listed already.
    MAY_NOT = "may_not"  #: Who gave the last answer may not propose entries.


class NotAsked(StrEnum):
    """Why nothing is asked about an item now."""

    NO_FILE = "no_file"  #: It is no file.
    STANDS = "stands"  #: It is decided.
    ANSWERED = "answered"  #: This person has answered; others have to.
    CLAIM_FIRST = "claim_first"  #: Who works on the report answers first.


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer to a question."""

    code: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that is asked about each file."""

    code: str
    words: str
    options: tuple[Option, ...]
    #: Whether an answer is needed where the class says that there is something to answer about.
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer that somebody gave, and did not undo."""

    id: int
    file_id: int
    report_id: int
    position: int
    person_id: UUID = field(repr=False)
    stage: Stage
    assessed: AssessedClass
    answers: Mapping[str, str]
    #: The file with which they found it to be the same.
    as_file: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the answers to a file come to."""

    state: FileState
    #: What stands.
    outcome: AssessedClass | None = None
    #: The two people who agree that a list takes it: who said so first, and who joined.
    agreed: tuple[UUID, UUID] | None = None


def _class_question() -> Question:
    words = {
        AssessedClass.BASELINE: "baseline",
        AssessedClass.NATIONAL: "national",
        AssessedClass.INVESTIGATIVE: "investigative",
        AssessedClass.OTHER: "other",
        AssessedClass.NOT_ILLEGAL: "not illegal",
    }
    options = tuple(Option(code=one.value, words=words[one]) for one in AssessedClass)
    return Question(code=CLASS, words="Class", options=options, required=True)


def _options(**words: str) -> tuple[Option, ...]:
    return tuple(Option(code=code, words=text) for code, text in words.items())


#: What is asked where nobody chose other questions. Age and gender are ICCAM's.
STARTING: tuple[Question, ...] = (
    _class_question(),
    Question(
        code=AGE,
        words="Age",
        options=_options(infant="infant", prepubescent="pre-pubescent", pubescent="pubescent", unknown="not determined"),
    ),
    Question(
        code="gender",
        words="Gender",
        options=_options(female="female", male="male", both="both", unknown="not determined"),
    ),
    Question(code="self_made", words="Self-made", options=_options(yes="yes", no="no", unknown="not determined")),
    Question(code="made_up", words="Drawn or generated", options=_options(yes="yes", no="no", unknown="not determined")),
)

#: ICCAM's numbers of what the starting questions ask.
ICCAM_AGE: Mapping[str, str] = {"unknown": "1", "infant": "2", "prepubescent": "3", "pubescent": "4"}
ICCAM_GENDER: Mapping[str, str] = {"unknown": "1", "female": "2", "male": "3", "both": "4"}


# --- questions as data ---


def read_document(document: object) -> tuple[Question, ...]:
    """The questions of a document as `as_document` writes it. Raises InvalidInput, which names the place."""
    if not isinstance(document, list) or not 1 <= len(document) <= QUESTIONS_MAX:
        raise InvalidInput(field="questions", problem=f"must be a list of 1 to {QUESTIONS_MAX} questions")
    questions = tuple(_read_question(one, number) for number, one in enumerate(document, start=1))
    codes = [question.code for question in questions]
    if len(set(codes)) != len(codes):
        raise InvalidInput(field="questions", problem="must not have the same code twice")
    asked = next((question for question in questions if question.code == CLASS), None)
    if asked is None or {option.code for option in asked.options} != {one.value for one in AssessedClass}:
        raise InvalidInput(field="questions", problem="must ask for the class, with the classes that there are")
    return questions


def as_document(questions: Sequence[Question]) -> list[dict[str, Any]]:
    """Questions as plain JSON values."""
    return [
        {
            "code": one.code,
            "words": one.words,
            "required": one.required,
            "options": [{"code": option.code, "words": option.words} for option in one.options],
        }
        for one in questions
    ]


def _read_question(plain: object, number: int) -> Question:
    if not isinstance(plain, dict) or set(plain) - {"code", "words", "required", "options"}:
        raise InvalidInput(field="questions", problem=f"has no question at place {number}")
    options = plain.get("options")
    if not isinstance(options, list) or not 2 <= len(options) <= OPTIONS_MAX:
        raise InvalidInput(field="questions", problem=f"must offer 2 to {OPTIONS_MAX} answers at place {number}")
    read = tuple(
        Option(code=_code(one, number), words=_words(one, number)) if isinstance(one, dict) else _none(number)
        for one in options
    )
    if len({option.code for option in read}) != len(read):
        raise InvalidInput(field="questions", problem=f"must not offer the same answer twice at place {number}")
    code = _code(plain, number)
    required = code == CLASS or bool(plain.get("required", False))
    return Question(code=code, words=_words(plain, number), options=read, required=required)


def _none(number: int) -> Option:
    raise InvalidInput(field="questions", problem=f"has no question at place {number}")


def _code(plain: Mapping[str, object], number: int) -> str:
    code = plain.get("code")
    fits = isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum() and len(code) <= _CODE_MAX
    if not isinstance(code, str) or not fits:
        raise InvalidInput(field="questions", problem=f"must have a code of letters and figures at place {number}")
    return code


def _words(plain: Mapping[str, object], number: int) -> str:
    words = plain.get("words")
    if not isinstance(words, str) or not words.isprintable() or not 1 <= len(words.strip()) <= _WORDS_MAX:
        raise InvalidInput(field="questions", problem=f"must have words at place {number}")
    return words.strip()


# --- answers ---


def checked_answers(questions: Sequence[Question], given: Mapping[str, str]) -> dict[str, str]:
    """The answers by question, without those that were left open. Raises InvalidInput; the field is the question's code."""
    answers = {}
    nothing_else = given.get(CLASS) == AssessedClass.NOT_ILLEGAL
    for question in questions:
        code = given.get(question.code, "")
        if code and code not in {option.code for option in question.options}:
            raise InvalidInput(field=question.code, problem="must be one of those that are offered")
        if not code and question.required and (question.code == CLASS or not nothing_else):
            raise InvalidInput(field=question.code, problem="must be answered")
        if code:
            answers[question.code] = code
    return answers


def settled(given: Sequence[Given]) -> Settled:
    """What the answers to one file come to, in the order in which they were given.

    One is enough for what no list takes. Else two have to agree; where they differ, a third person decides, and it goes on
    a list only where one of the two said the same.
    """
    if not given:
        return Settled(state=FileState.OPEN)
    first = given[0]
    if len(given) == 1:
        if first.assessed in LISTED:
            return Settled(state=FileState.SECOND)
        return Settled(state=FileState.STANDS, outcome=first.assessed)
    last = given[-1]
    if len(given) == 2 and last.assessed is not first.assessed:
        return Settled(state=FileState.THIRD)
    before = next((one for one in given[:-1] if one.assessed is last.assessed), None)
    agreed = (before.person_id, last.person_id) if before is not None and last.assessed in LISTED else None
    return Settled(state=FileState.STANDS, outcome=last.assessed, agreed=agreed)


_STAGES: Mapping[FileState, Stage] = {
    FileState.OPEN: Stage.FIRST,
    FileState.SECOND: Stage.SECOND,
    FileState.THIRD: Stage.THIRD,
}


def stage_of(given: Sequence[Given], person_id: UUID, *, claimed_by: UUID | None) -> Stage | NotAsked:
    """Whose answer this person's would be; or why none is asked of them."""
    state = settled(given).state
    if state is FileState.STANDS:
        return NotAsked.STANDS
    if any(one.person_id == person_id for one in given):
        return NotAsked.ANSWERED
    stage = _STAGES[state]
    if stage is Stage.FIRST and claimed_by != person_id:
        return NotAsked.CLAIM_FIRST
    return stage


def visible(given: Sequence[Given], person_id: UUID) -> tuple[Given, ...]:
    """The answers that this person may see: their own, and the others' once they gave theirs or it is decided.

    Who is to give the second answer, or the third, is not told those before: readers follow what they read.
    """
    decided = settled(given).state is FileState.STANDS
    own = any(one.person_id == person_id for one in given)
    if decided or (own and len(given) > 1):
        return tuple(given)
    return tuple(one for one in given if one.person_id == person_id)


def require_own(given: Sequence[Given], person_id: UUID) -> Given:
    """The answer that this person may undo: their own, as long as nobody answered after. Raises Conflict."""
    own = next((one for one in given if one.person_id == person_id), None)
    if own is None:
        raise Conflict(problem="there is nothing of yours to undo here")
    if given[-1] is not own:
        raise Conflict(problem="a colleague answered after you: yours stays beside theirs")
    return own


def youngest(answers: Sequence[Mapping[str, str]]) -> AgeClass | None:
    """The youngest age class in these; they are declared in that order."""
    said = {one.get(AGE) for one in answers}
    return next((age for age in AgeClass if age.value in said), None)


# --- neighbours ---


def neighbours(own: bytes, others: Mapping[int, bytes]) -> list[tuple[int, int]]:
    """The files whose true PDQ hash is near, with the distance: the nearest first, a few at most."""
    found = [(_core.hamming_distance(own, pdq), file_id) for file_id, pdq in others.items()]
    near = sorted((distance, file_id) for distance, file_id in found if distance <= NEIGHBOUR_RADIUS)
    return [(file_id, distance) for distance, file_id in near[:NEIGHBOURS_MAX]]


# --- how it reads elsewhere ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """How a class reads in another scheme; no code where the scheme has none that says just that."""

    scheme: Scheme
    code: str | None
    loses: str | None


def crossings(assessed: AssessedClass) -> list[Crossing]:
    """How a class reads in each scheme, and what is lost there."""
    if assessed is AssessedClass.NOT_ILLEGAL:
        return [
            Crossing(
                scheme=one, code="4" if one is Scheme.ICCAM else None, loses=_NO_CODE if one is not Scheme.ICCAM else None
            )
            for one in Scheme
        ]
    found = []
    for scheme in Scheme:
        writing = written(assessed.classification, scheme)
        found.append(Crossing(scheme=scheme, code=writing.code, loses=writing.loses))
    return found


_NO_CODE = "the scheme has no code for it"
