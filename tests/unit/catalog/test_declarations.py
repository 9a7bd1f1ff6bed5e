"""Declared events, and the errors of invalid declarations."""

from __future__ import annotations

import copy
import dataclasses
import enum
import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable

import pytest

from otel_telemetry import ConfigurationError
from otel_telemetry.catalog import Catalog, event, field, version
from otel_telemetry.catalog.declarations import declaration_of
from tests.support.declared import EntryCreated, EntryDeleted, Kind, Started


def _created() -> EntryCreated:
    return EntryCreated(kind=Kind.SINGLE, slug="article", locales=3)


def test_a_declared_event_behaves_like_a_frozen_dataclass() -> None:
    """It has slots, keyword-only arguments, defaults, equality, a repr, copies and pickles."""
    made = _created()

    assert made == _created() != EntryCreated(kind=Kind.SINGLE, slug="page", locales=3)
    assert len({made, _created()}) == 1
    assert (made.draft, made.seconds) == (False, None)
    assert repr(made).startswith("EntryCreated(kind=<Kind.SINGLE: 'singleType'>, slug='article'")
    assert dataclasses.replace(made, locales=1).locales == 1
    # What `copy.replace` calls, from Python 3.13 on.
    again = made.__replace__(locales=1)  # type: ignore[attr-defined]  # only Python calls it
    assert again == dataclasses.replace(made, locales=1)
    other: object = 5
    assert made != other
    assert dataclasses.is_dataclass(EntryCreated)
    assert dataclasses.asdict(made)["locales"] == 3
    assert [item.name for item in dataclasses.fields(EntryDeleted)] == ["kind", "entries", "slug"]
    assert str(inspect.signature(EntryDeleted)).startswith("(*, kind: ")
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made
    assert not hasattr(made, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.slug = "page"  # type: ignore[misc]  # the test
    with pytest.raises(dataclasses.FrozenInstanceError):
        del made.slug
    with pytest.raises(TypeError):
        EntryCreated(Kind.SINGLE, "article", 3)  # type: ignore[call-arg]  # the test
    with pytest.raises(TypeError, match="unexpected argument 'lang'"):
        EntryCreated(kind=Kind.SINGLE, slug="a", locales=3, lang=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing the argument 'locales'"):
        EntryCreated(kind=Kind.SINGLE, slug="article")  # type: ignore[call-arg]  # the test


def test_the_constructor_checks_no_values() -> None:
    """`send` checks them, and raises only with `strict`."""
    EntryCreated(kind="nonsense", slug=object(), locales="3")  # type: ignore[arg-type]


def test_the_declaration_is_read_from_the_class() -> None:
    """Its docstring becomes one line; its attributes keep their order."""
    declaration = declaration_of(EntryCreated)

    assert declaration.name == "didCreateEntry"
    assert declaration.meaning == "An entry was created. In some way."
    assert (declaration.since, declaration.deprecated) == ("5.0", None)
    assert [item.name for item in declaration.properties] == [
        *("kind", "slug", "locales", "seconds", "draft", "status", "fields", "score"),
    ]
    kind, slug, locales, seconds, draft, *_ = declaration.properties
    assert (kind.meaning, kind.data_class) == ("What kind of content it is.", "feature")
    assert (kind.since, seconds.since) == ("5.0", "5.2")
    assert (kind.optional, seconds.optional) == (False, True)
    # An example is shown as it is sent; a closed type has one by default.
    assert [item.example for item in (kind, slug, locales, draft)] == [
        *("collectionType", "article", "2 to 4", True),
    ]
    assert declaration_of(Started).deprecated == "Sent as `didStart` instead."


def test_a_property_can_have_another_name_and_another_bucket() -> None:
    """A name with dots cannot be an attribute of a class."""
    entries = declaration_of(EntryDeleted).properties[1]

    assert (entries.attribute, entries.name, entries.bucket) == ("entries", "entries.id", "group")


_Declare = Callable[[], object]


def _without_docstring() -> object:
    class Undocumented:
        pass

    return event("e", since="1")(Undocumented)


def _with(
    what: object,
    annotation: object = bool,
    *,
    bases: tuple[type, ...] = (),
    annotated: bool = True,
) -> type:
    """Make a class with one attribute."""
    annotations = {"__annotations__": {"item": annotation} if annotated else {}}
    return type("Wrong", bases, {"__doc__": "An event.", "item": what, **annotations})


class _Unhashable(enum.Enum):
    A = "a"


def _good(**changed: object) -> object:
    given = {"meaning": "It is so.", "data_class": "feature", "since": "2", **changed}
    return field(**given)  # type: ignore[call-overload]  # a table


@pytest.mark.parametrize(
    ("made", "fix"),
    [
        pytest.param(_with(_good(), list), "use bool", id="type"),
        pytest.param(_with(_good(), str), "max_length", id="free text"),
        pytest.param(_with(_good(), "Unknown"), "top level", id="annotation"),
        pytest.param(_with(_good(), annotated=False), "needs an annotation", id="no annotation"),
        pytest.param(_with(5, int), r"needs a field\(", id="no field"),
        pytest.param(_with(_good(meaning="")), "needs a meaning", id="empty meaning"),
        pytest.param(_with(_good(meaning=None)), "needs a meaning", id="no meaning"),
        pytest.param(_with(_good(meaning="a\x00")), "needs a meaning", id="strange meaning"),
        pytest.param(_with(_good(data_class="secret")), "pseudonym", id="class of data"),
        pytest.param(_with(_good(data_class=[])), "data_class=list", id="no class of data"),
        pytest.param(_with(_good(bucket="team")), "event, user, group", id="bucket"),
        pytest.param(_with(_good(name="")), "needs a name", id="empty name"),
        pytest.param(_with(_good(name=5)), "needs a name", id="no name"),
        pytest.param(_with(_good(name="service.name")), "another name", id="reserved name"),
        pytest.param(_with(_good(name="telemetry.x")), "another name", id="reserved prefix"),
        pytest.param(_with(_good(since=5)), "needs since", id="since"),
        pytest.param(_with(_good(), int), "needs an example", id="no example"),
        pytest.param(_with(_good(buckets=[1]), int), "needs an example", id="no example, range"),
        pytest.param(_with(_good(max_length=5), str), "needs an example", id="no example, str"),
        pytest.param(_with(_good(example="x"), int), "does not match its type: 'x'", id="example"),
        pytest.param(_with(_good(example=None), int | None), "does not match", id="example None"),
        pytest.param(_with(_good(example=object())), "type: object", id="example, an object"),
        pytest.param(
            _with(_good(max_length=5, example="a\nb\x00"), str), "printable", id="strange example"
        ),
        pytest.param(_with(_good(default=1)), "default that does not match", id="default"),
        pytest.param(_with(_good(default=None)), "default that does not match", id="default None"),
        pytest.param(_with(_good(), bases=(Started,)), "as common of the Catalog", id="inherits"),
    ],
)
def test_an_invalid_property_raises_with_the_attribute_and_the_fix(made: type, fix: str) -> None:
    """At the declaration, not when the event is sent."""
    with pytest.raises(ConfigurationError, match=fix) as caught:
        event("e", since="1")(made)

    assert str(caught.value).startswith("Wrong")
    with pytest.raises(ConfigurationError, match=fix):
        Catalog(Started, version=1, common=made)


@pytest.mark.parametrize(
    ("declare", "fix"),
    [
        (_without_docstring, "Undocumented needs a docstring"),
        (lambda: event("", since="1")(_with(_good())), "1 to 256"),
        (lambda: event("e" * 257, since="1")(_with(_good())), "1 to 256"),
        (lambda: event("a\nb", since="1")(_with(_good())), "needs a name"),
        (lambda: event("a\x00b", since="1")(_with(_good())), "needs a name"),
        (lambda: event(5, since="1")(_with(_good())), "must be a str"),  # type: ignore[arg-type]
        (lambda: event("e", since="")(_with(_good())), "needs since"),
        (lambda: event("e", since=5)(_with(_good())), "needs since"),  # type: ignore[arg-type]
        (lambda: event("e", since="1", deprecated="")(_with(_good())), "needs deprecated"),
        (lambda: event("e", since="1")(_good), "must decorate a plain class"),  # type: ignore[arg-type]
        (lambda: event("e", since="1")(EntryCreated), "EntryCreated has a base class"),
    ],
)
def test_an_invalid_event_raises_with_the_fix(declare: _Declare, fix: str) -> None:
    """The message names what is missing."""
    with pytest.raises(ConfigurationError, match=fix):
        declare()


def test_a_common_property_needs_since() -> None:
    """It has no event whose version could be its default."""
    with pytest.raises(ConfigurationError, match=r"Wrong\.item needs since"):
        Catalog(Started, version=1, common=_with(_good(since=None)))


def test_two_properties_of_a_bucket_cannot_have_the_same_name() -> None:
    """In different buckets they can."""

    def declare(bucket: str) -> object:
        second = _good(name="item", bucket=bucket)
        made = _with(_good())
        made.other = second  # type: ignore[attr-defined]  # a class made by hand
        made.__annotations__["other"] = bool
        return event("e", since="1")(made)

    with pytest.raises(ConfigurationError, match="has the name 'item' of another property"):
        declare("event")
    declare("user")


def test_version_declares_an_environment_property_by_default() -> None:
    """Most versions describe the environment."""
    made: type = event("e", since="1")(_with(version("Whose.", example="5.0+local"), str))

    (item,) = declaration_of(made).properties
    assert (item.data_class, item.example) == ("environment", "5.0")


def test_an_argument_with_a_default_is_optional() -> None:
    """As in a dataclass."""
    made: type = event("e", since="1")(_with(_good(default=True)))

    assert made().item is True
    assert made(item=False).item is False


def test_a_program_without_docstrings_runs() -> None:
    """`python -OO` removes all docstrings, those of the library too."""
    program = (
        "from otel_telemetry.catalog import event, field\n"
        "@event('didRun', since='1')\n"
        "class Ran:\n"
        "    'It ran.'\n"
        "    well: bool = field('Whether it went well.', data_class='feature')\n"
        "print(Ran.__telemetry_event__.meaning)\n"
    )
    for option, meaning in (("-O", "It ran."), ("-OO", "didRun")):
        run = subprocess.run(
            [sys.executable, option, "-B", "-c", program],
            capture_output=True,
            text=True,
            check=False,
        )

        assert (run.returncode, run.stdout.strip(), run.stderr) == (0, meaning, "")
