"""The catalogue as a page for those whose data it is."""

from __future__ import annotations

from otel_telemetry.catalog import Catalog, event, field
from otel_telemetry.catalog.documents import markdown
from otel_telemetry.mapping.base_resource import base_attributes
from tests.support.declared import CATALOG, EntryDeleted, Started

_STARTED = Catalog(Started, version=1)


@event("a/b ~c%d`|é", since="1.0")
class _Strange:
    """A name with every sign that some document treats in its own way."""

    slug: bool = field("A | b.", data_class="feature", name="a|b`")


def test_an_event_has_a_table() -> None:
    """Each property with its meaning, values, class, place, example and age."""
    page = markdown(CATALOG)

    section = page.partition("## `didCreateEntry`\n")[2].partition("<a id=")[0]
    assert section.splitlines()[:8] == [
        *("", "An entry was created. In whatever way.", "", "Since 5.0.", ""),
        "| property | meaning | values | class of data | about | example | since |",
        "|---|---|---|---|---|---|---|",
        (
            "| `kind` | What kind of content it is. | `collectionType`, `singleType` "
            "| feature | the event | `collectionType` | 5.0 |"
        ),
    ]
    assert (
        "| a number, as its range: `<1`, `1`, `2 to 4`, `5 to 19`, `>=20` | feature "
        "| the event | `2 to 4` |"
    ) in section
    assert "| true or false | feature | the event | `true` |" in section
    assert "| `0`, `1`, `3` | error |" in section
    assert "| a whole number | feature | the event | `7` |" in section
    assert "| a number | performance | the event | `0.25` |" in section
    assert "| a text of up to 12 characters |" in section


def test_what_any_event_may_carry_has_a_table_of_its_own() -> None:
    """It is not told again with each."""
    page = markdown(CATALOG)

    assert page.count("| `database` | Where entries are kept. |") == 1
    assert "| a version | environment | the user | `3.12.1` | 4.0 |" in page
    assert "## With any event that has it" in page
    assert "## With any event that has it" not in markdown(_STARTED)


def test_what_the_library_itself_says_is_told() -> None:
    """The page would be no honest account without it."""
    section = markdown(_STARTED).partition("## With every event\n")[2].partition("\n## ")[0]
    told = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}

    assert told == {
        *base_attributes("acme", "5.1.0"),
        *("app.installation.id", "session.id", "log.record.uid"),
    }


def test_an_event_without_properties_says_so() -> None:
    """A deprecated one says that, too."""
    page = markdown(_STARTED)

    assert "**Deprecated:** Sent as `didStart` instead." in page
    assert "It has no properties of its own." in page
    assert "Classes of data" not in page


def test_only_the_classes_in_use_are_explained() -> None:
    """In one order."""
    classes = markdown(CATALOG).partition("## Classes of data\n\n")[2].splitlines()

    assert [line.split("**")[1] for line in classes] == [
        *("feature", "configuration", "environment", "performance", "error", "pseudonym"),
    ]
    assert "- **error**" not in markdown(Catalog(EntryDeleted, version=1))


def test_no_sign_breaks_the_table() -> None:
    """Neither a bar nor a backtick."""
    page = markdown(Catalog(_Strange, EntryDeleted, version=1))

    assert r"| `` a\|b` `` | A \| b. | true or false |" in page
    assert r"| ``a `b` \| c`` |" in page
    assert "## ``a/b ~c%d`|é``" in page
    assert "- [``a/b ~c%d`|é``](#a%2Fb%20~c%25d%60%7C%C3%A9): " in page
    assert '<a id="a%2Fb%20~c%25d%60%7C%C3%A9"></a>' in page
