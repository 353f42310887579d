"""Every error has a code of its own, words that can be filled in, and no place for what must not be told."""

import dataclasses
from collections.abc import Iterator

import pytest

from vangnet import errors
from vangnet.errors import AppError, CallerMistake, PartnerFailed, Unavailable


def _all(kind: type[AppError] = AppError) -> Iterator[type[AppError]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from _all(sub)


ERRORS = sorted({error for error in _all() if error.__module__ == errors.__name__}, key=lambda error: error.__name__)


def _made(error: type[AppError]) -> AppError:
    fields = dataclasses.fields(error) if dataclasses.is_dataclass(error) else ()
    return error(**{field.name: 7 if field.type is int else f"<{field.name}>" for field in fields})


def test_codes_are_not_used_twice() -> None:
    codes = [error.code for error in ERRORS]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_message_and_hint_can_be_filled_in(error: type[AppError]) -> None:
    made = _made(error)
    assert "{" not in str(made)
    assert "{" not in (made.advice() or "")
    assert not str(made).endswith(".")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_each_error_belongs_to_one_branch_of_the_tree(error: type[AppError]) -> None:
    assert sum(issubclass(error, branch) for branch in (CallerMistake, Unavailable, PartnerFailed)) == 1


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_passes_through_a_context_manager(error: type[AppError]) -> None:
    with pytest.raises(error) as caught, pytest.MonkeyPatch.context():
        raise _made(error)
    assert caught.value.__traceback__ is not None
