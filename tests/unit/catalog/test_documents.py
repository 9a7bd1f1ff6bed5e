"""The documents that a catalogue makes of itself."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from otel_telemetry.catalog import Catalog, event, field
from otel_telemetry.catalog.documents import check, document, json_schema, markdown, semconv_yaml
from otel_telemetry.catalog.documents.semconv import conventions
from otel_telemetry.mapping.base_resource import base_attributes
from otel_telemetry.mapping.values import is_reserved
from tests.support.declared import CATALOG, Common, EntryCreated, EntryDeleted, Started

_STARTED = Catalog(Started, version=1)


@event("a/b ~c%d`|é", since="1.0")
class _Strange:
    """A name with every sign that some document treats in its own way."""

    slug: bool = field("A | b.", data_class="feature", name="a|b`")


def _validator(catalog: Catalog) -> jsonschema.Draft202012Validator:
    schema = json.loads(json_schema(catalog))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("make", [markdown, json_schema, semconv_yaml])
def test_a_document_is_the_same_however_the_events_are_listed(make: Any) -> None:
    """A difference means a change of what leaves."""
    other = Catalog(EntryCreated, Started, EntryDeleted, version=3, common=Common)

    assert make(other) == make(CATALOG)
    assert make(CATALOG).endswith("\n")


class TestJsonSchema:
    """For those who check what arrives."""

    @pytest.mark.parametrize("catalog", [CATALOG, _STARTED, Catalog(_Strange, version=1)])
    def test_every_example_is_valid(self, catalog: Catalog) -> None:
        """By a validator that is not ours."""
        validator = _validator(catalog)
        definitions = validator.schema["$defs"]  # type: ignore[index]  # an object

        assert len(definitions) == len(catalog.events)
        for definition in definitions.values():
            for shown in definition["examples"]:
                validator.validate(shown)
                assert set(shown) == set(definition["properties"])

    @pytest.mark.parametrize(
        "wrong",
        [
            {"event": "didUpdateEntry"},
            {"event_properties": {}},
            {"event": "app started", "more": {}},
            {"event": "app started", "event_properties": {"kind": "singleType"}},
            {"event": "didCreateEntry", "event_properties": {"kind": "other"}},
            {"event": "didCreateEntry", "event_properties": {"locales": 3}},
            {"event": "didCreateEntry", "event_properties": {"draft": 1}},
            {"event": "didCreateEntry", "event_properties": {"status": 2}},
            {"event": "didCreateEntry", "event_properties": {"fields": 0.5}},
            {"event": "didCreateEntry", "event_properties": {"fields": 2**63}},
            {"event": "didCreateEntry", "event_properties": {"score": "1"}},
            {"event": "didCreateEntry", "event_properties": {"slug": "x" * 13}},
            {"event": "didCreateEntry", "event_properties": {"seconds": None}},
            {"event": "didCreateEntry", "user_properties": {"python.version": "3.1+x"}},
            {"event": "didCreateEntry", "group_properties": {"plan": "team"}},
        ],
    )
    def test_what_does_not_leave_is_not_valid(self, wrong: object) -> None:
        """The schema is as strict as the catalogue."""
        assert not _validator(CATALOG).is_valid(wrong)

    def test_no_property_is_required(self) -> None:
        """One that does not fit is left out, and the event leaves."""
        assert _validator(CATALOG).is_valid({"event": "didCreateEntry", "event_properties": {}})

    def test_it_says_what_is_deprecated(self) -> None:
        """In the standard's own word."""
        definitions = json.loads(json_schema(CATALOG))["$defs"]

        assert definitions["app started"]["deprecated"] is True
        assert definitions["didCreateEntry"]["deprecated"] is False


class TestSemanticConventions:
    """For those who keep a registry of them."""

    @pytest.mark.parametrize("catalog", [CATALOG, _STARTED, Catalog(_Strange, version=1)])
    def test_another_reader_finds_what_was_written(self, catalog: Catalog) -> None:
        """It is YAML."""
        assert yaml.safe_load(semconv_yaml(catalog)) == conventions(catalog)

    def test_every_reference_leads_to_one_attribute_of_the_registry(self) -> None:
        """Each name is defined once, in the one group that defines."""
        registry, *others = yaml.safe_load(semconv_yaml(CATALOG))["groups"]

        defined = [attribute["id"] for attribute in registry["attributes"]]
        referred = {
            attribute["ref"] for group in others for attribute in group.get("attributes", ())
        }
        assert registry["type"] == "attribute_group"
        assert sorted(defined) == sorted(referred)
        assert len({group["id"] for group in (registry, *others)}) == 1 + len(others)

    def test_an_event_has_only_what_is_on_the_record(self) -> None:
        """The rest is of the resource and of the scope, in groups beside it."""
        groups = {group["id"]: group for group in yaml.safe_load(semconv_yaml(CATALOG))["groups"]}

        deleted = groups["event.didDeleteEntry"]
        assert (deleted["type"], deleted["name"]) == ("event", "didDeleteEntry")
        assert (deleted["brief"], deleted["stability"]) == ("An entry was deleted.", "development")
        assert [attribute["ref"] for attribute in deleted["attributes"]] == ["kind", "slug"]
        assert [attribute["ref"] for attribute in _attributes(groups, "didDeleteEntry.group")] == [
            "entries.id"
        ]
        assert groups["common_attributes.user"]["type"] == "attribute_group"
        assert "common_attributes.event" not in groups
        assert groups["event.app started"]["deprecated"] == {
            "reason": "uncategorized",
            "note": "Sent as `didStart` instead.",
        }

    def test_the_types_are_those_of_the_syntax(self) -> None:
        """Words are members; ranges are words."""
        registry = yaml.safe_load(semconv_yaml(CATALOG))["groups"][0]["attributes"]
        types = {attribute["id"]: attribute["type"] for attribute in registry}

        assert (types["draft"], types["fields"], types["score"]) == ("boolean", "int", "double")
        assert types["python.version"] == "string"
        assert [member["value"] for member in types["status"]["members"]] == [0, 1, 3]
        assert types["seconds"]["members"][0] == {
            "id": "<0.1",
            "value": "<0.1",
            "stability": "development",
        }

    def test_what_two_events_declare_is_defined_to_fit_both(self) -> None:
        """And each says what it means there."""
        groups = {group["id"]: group for group in yaml.safe_load(semconv_yaml(CATALOG))["groups"]}
        registry = {item["id"]: item for item in groups["registry.telemetry_events"]["attributes"]}

        members = registry["kind"]["type"]["members"]
        assert [member["value"] for member in members] == ["collectionType", "singleType", "other"]
        (kind, slug) = groups["event.didDeleteEntry"]["attributes"]
        assert registry["kind"]["brief"] == "What kind of content it is."
        assert kind["brief"] == "What kind of content it was."
        assert "brief" not in slug
        assert slug["examples"] == ["a `b` | c"]

    def test_words_here_and_text_there_are_text(self) -> None:
        """There is no narrower type that fits both."""
        registry = conventions(Catalog(EntryCreated, _FreeKind, version=1))["groups"]

        kind = next(item for item in registry[0]["attributes"] if item["id"] == "kind")  # type: ignore[index]
        assert kind["type"] == "string"

    @given(
        st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1).filter(
            lambda text: text.isprintable() and text.strip() != "" and not is_reserved(text)
        ),
        st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1),
    )
    @example("It is: so - #1 'é'", 1e300)
    @example("no", -5e-324)
    def test_any_text_and_any_number_is_read_back(self, meaning: str, number: float) -> None:
        """Whatever YAML might have taken it for."""
        declared = field(meaning, data_class="feature", example=number, name=meaning)
        made = type(
            "Made", (), {"__doc__": meaning, "a": declared, "__annotations__": {"a": float}}
        )
        catalog = Catalog(event("x" + meaning[:200], since=meaning)(made), version=1)

        read = yaml.safe_load(semconv_yaml(catalog))

        assert read == conventions(catalog)
        example = read["groups"][0]["attributes"][0]["examples"][0]
        assert type(example) is float
        assert math.copysign(1, example) == math.copysign(1, float(number))


@event("x", since="1")
class _FreeKind:
    """A kind that may be anything."""

    kind: str = field("Any.", data_class="feature", max_length=9, example="a")


def _attributes(groups: dict[str, Any], name: str) -> list[dict[str, Any]]:
    attributes: list[dict[str, Any]] = groups[f"attributes.{name}"]["attributes"]
    return attributes


class TestCheck:
    """Whether a document is up to date."""

    @pytest.mark.parametrize("name", ["TELEMETRY.md", "events.json", "e.yaml", "e.yml", "E.MD"])
    def test_a_document_that_is_up_to_date_has_no_differences(
        self, tmp_path: Path, name: str
    ) -> None:
        """Its name says which it is."""
        path = tmp_path / name
        path.write_text(document(CATALOG, path), encoding="utf-8")

        assert check(CATALOG, path) == check(CATALOG, str(path)) == []

    def test_line_ends_are_no_difference(self, tmp_path: Path) -> None:
        """A checkout may have others."""
        path = tmp_path / "TELEMETRY.md"
        path.write_bytes(markdown(CATALOG).replace("\n", "\r\n").encode())

        assert check(CATALOG, path) == []

    def test_what_changed_is_told_as_a_diff(self, tmp_path: Path) -> None:
        """From what is written to what is declared."""
        path = tmp_path / "TELEMETRY.md"
        path.write_text(markdown(CATALOG).replace("Where entries", "Where pages"), encoding="utf-8")

        differences = check(CATALOG, path)

        assert differences[:2] == [f"--- {path}", f"+++ {path} (declared)"]
        changed = [line for line in differences[2:] if line[0] in "+-"]
        assert [line[:30] for line in changed] == [
            "-| `database` | Where pages ar",
            "+| `database` | Where entries ",
        ]

    def test_a_missing_document_is_all_difference(self, tmp_path: Path) -> None:
        """Nothing is written yet."""
        differences = check(CATALOG, tmp_path / "events.json")

        assert {line[0] for line in differences[3:]} == {"+"}
        assert len(differences[3:]) == len(json_schema(CATALOG).splitlines())

    def test_there_is_no_document_of_another_kind(self, tmp_path: Path) -> None:
        """The message lists those that there are."""
        with pytest.raises(ValueError, match=r"ends in \.md, \.json, \.yaml, \.yml, not '\.txt'"):
            check(CATALOG, tmp_path / "events.txt")

    def test_what_cannot_be_read_is_an_error(self, tmp_path: Path) -> None:
        """It is not taken for a missing one."""
        (tmp_path / "events.md").mkdir()

        with pytest.raises(IsADirectoryError):
            check(CATALOG, tmp_path / "events.md")


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
