"""The documents generated from a catalogue."""

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
    """A name with every character that a document must escape."""

    slug: bool = field("A | b.", data_class="feature", name="a|b`")


def _validator(catalog: Catalog) -> jsonschema.Draft202012Validator:
    schema = json.loads(json_schema(catalog))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("make", [markdown, json_schema, semconv_yaml])
def test_a_document_does_not_depend_on_the_order_of_the_events(make: Any) -> None:
    """A changed document means that other data is sent."""
    other = Catalog(EntryCreated, Started, EntryDeleted, version=3, common=Common)

    assert make(other) == make(CATALOG)
    assert make(CATALOG).endswith("\n")


class TestJsonSchema:
    """The schema of received events."""

    @pytest.mark.parametrize("catalog", [CATALOG, _STARTED, Catalog(_Strange, version=1)])
    def test_every_example_is_valid(self, catalog: Catalog) -> None:
        """According to an independent validator."""
        validator = _validator(catalog)
        definitions = validator.schema["$defs"]  # type: ignore[index]  # an object

        assert len(definitions) == len(catalog.events)
        for definition in definitions.values():
            for shown in definition["examples"]:
                validator.validate(shown)
                assert set(shown) == set(definition["properties"])

    @pytest.mark.parametrize(
        "invalid",
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
    def test_an_event_that_is_never_sent_is_invalid(self, invalid: object) -> None:
        """The schema is as strict as the catalogue."""
        assert not _validator(CATALOG).is_valid(invalid)

    def test_no_property_is_required(self) -> None:
        """An invalid property is removed and the event is sent."""
        assert _validator(CATALOG).is_valid({"event": "didCreateEntry", "event_properties": {}})

    def test_a_deprecated_event_is_marked(self) -> None:
        """With the standard's `deprecated`."""
        definitions = json.loads(json_schema(CATALOG))["$defs"]

        assert definitions["app started"]["deprecated"] is True
        assert definitions["didCreateEntry"]["deprecated"] is False


class TestSemanticConventions:
    """The conventions of a registry."""

    @pytest.mark.parametrize("catalog", [CATALOG, _STARTED, Catalog(_Strange, version=1)])
    def test_an_independent_reader_reads_the_same_values(self, catalog: Catalog) -> None:
        """The document is YAML."""
        assert yaml.safe_load(semconv_yaml(catalog)) == conventions(catalog)

    def test_every_reference_has_one_attribute_in_the_registry(self) -> None:
        """The first group defines each name once."""
        registry, *others = yaml.safe_load(semconv_yaml(CATALOG))["groups"]

        defined = [attribute["id"] for attribute in registry["attributes"]]
        referred = {
            attribute["ref"] for group in others for attribute in group.get("attributes", ())
        }
        assert registry["type"] == "attribute_group"
        assert sorted(defined) == sorted(referred)
        assert len({group["id"] for group in (registry, *others)}) == 1 + len(others)

    def test_an_event_group_has_only_event_properties(self) -> None:
        """User and group properties have attribute groups of their own."""
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

    def test_types_are_those_of_the_conventions(self) -> None:
        """Closed sets and ranges are enums with members."""
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

    def test_an_attribute_of_two_events_includes_the_values_of_both(self) -> None:
        """And each event has its own description."""
        groups = {group["id"]: group for group in yaml.safe_load(semconv_yaml(CATALOG))["groups"]}
        registry = {item["id"]: item for item in groups["registry.telemetry_events"]["attributes"]}

        members = registry["kind"]["type"]["members"]
        assert [member["value"] for member in members] == ["collectionType", "singleType", "other"]
        (kind, slug) = groups["event.didDeleteEntry"]["attributes"]
        assert registry["kind"]["brief"] == "What kind of content it is."
        assert kind["brief"] == "What kind of content it was."
        assert "brief" not in slug
        assert slug["examples"] == ["a `b` | c"]

    def test_an_attribute_that_is_enum_and_text_is_text(self) -> None:
        """No narrower type includes both."""
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
    def test_any_text_and_any_number_survives_yaml(self, meaning: str, number: float) -> None:
        """Even text that YAML would read as another type."""
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
    """An event whose kind is text."""

    kind: str = field("Any.", data_class="feature", max_length=9, example="a")


def _attributes(groups: dict[str, Any], name: str) -> list[dict[str, Any]]:
    attributes: list[dict[str, Any]] = groups[f"attributes.{name}"]["attributes"]
    return attributes


class TestCheck:
    """The comparison of a file with the catalogue."""

    @pytest.mark.parametrize("name", ["TELEMETRY.md", "events.json", "e.yaml", "e.yml", "E.MD"])
    def test_a_document_that_is_up_to_date_has_no_differences(
        self, tmp_path: Path, name: str
    ) -> None:
        """The file name extension selects the document."""
        path = tmp_path / name
        path.write_text(document(CATALOG, path), encoding="utf-8")

        assert check(CATALOG, path) == check(CATALOG, str(path)) == []

    def test_line_ends_do_not_matter(self, tmp_path: Path) -> None:
        """Git may change them."""
        path = tmp_path / "TELEMETRY.md"
        path.write_bytes(markdown(CATALOG).replace("\n", "\r\n").encode())

        assert check(CATALOG, path) == []

    def test_a_change_is_a_unified_diff(self, tmp_path: Path) -> None:
        """From the file to the catalogue."""
        path = tmp_path / "TELEMETRY.md"
        path.write_text(markdown(CATALOG).replace("Where entries", "Where pages"), encoding="utf-8")

        differences = check(CATALOG, path)

        assert differences[:2] == [f"--- {path}", f"+++ {path} (declared)"]
        changed = [line for line in differences[2:] if line[0] in "+-"]
        assert [line[:30] for line in changed] == [
            "-| `database` | Where pages ar",
            "+| `database` | Where entries ",
        ]

    def test_a_missing_file_counts_as_empty(self, tmp_path: Path) -> None:
        """Every line is added."""
        differences = check(CATALOG, tmp_path / "events.json")

        assert {line[0] for line in differences[3:]} == {"+"}
        assert len(differences[3:]) == len(json_schema(CATALOG).splitlines())

    def test_an_unknown_extension_raises(self, tmp_path: Path) -> None:
        """The message lists the known ones."""
        with pytest.raises(ValueError, match=r"ends in \.md, \.json, \.yaml, \.yml, not '\.txt'"):
            check(CATALOG, tmp_path / "events.txt")

    def test_an_unreadable_file_raises(self, tmp_path: Path) -> None:
        """It does not count as missing."""
        (tmp_path / "events.md").mkdir()

        with pytest.raises(IsADirectoryError):
            check(CATALOG, tmp_path / "events.md")


def test_an_event_has_a_table() -> None:
    """Each property has its meaning, values, class of data, bucket, example and first version."""
    page = markdown(CATALOG)

    section = page.partition("## `didCreateEntry`\n")[2].partition("<a id=")[0]
    assert section.splitlines()[:8] == [
        *("", "An entry was created. In some way.", "", "Since 5.0.", ""),
        "| property | meaning | values | class of data | about | example | since |",
        "|---|---|---|---|---|---|---|",
        (
            "| `kind` | What kind of content it is. | `collectionType`, `singleType` "
            "| feature | the event | `collectionType` | 5.0 |"
        ),
    ]
    assert (
        "| a range of numbers: `<1`, `1`, `2 to 4`, `5 to 19`, `>=20` | feature "
        "| the event | `2 to 4` |"
    ) in section
    assert "| true or false | feature | the event | `true` |" in section
    assert "| `0`, `1`, `3` | error |" in section
    assert "| a whole number | feature | the event | `7` |" in section
    assert "| a number | performance | the event | `0.25` |" in section
    assert "| a text of up to 12 characters |" in section


def test_common_properties_have_one_table() -> None:
    """Events do not repeat them."""
    page = markdown(CATALOG)

    assert page.count("| `database` | Where entries are kept. |") == 1
    assert "| a version | environment | the user | `3.12.1` | 4.0 |" in page
    assert "## Properties of any event" in page
    assert "## Properties of any event" not in markdown(_STARTED)


def test_the_page_lists_the_attributes_that_the_library_adds() -> None:
    """All of them: the page promises that nothing else is sent."""
    page = markdown(_STARTED)
    section = page.partition("## Properties of every event\n")[2].partition("\n## ")[0]
    listed = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}

    assert listed == {
        *base_attributes("acme", "5.1.0"),
        *("app.installation.id", "session.id", "log.record.uid"),
    }


def test_the_page_marks_deprecated_events_and_events_without_properties() -> None:
    """In a sentence each."""
    page = markdown(_STARTED)

    assert "**Deprecated:** Sent as `didStart` instead." in page
    assert "This event has no properties of its own." in page
    assert "Classes of data" not in page


def test_the_page_explains_only_the_classes_of_data_in_use() -> None:
    """In a fixed order."""
    classes = markdown(CATALOG).partition("## Classes of data\n\n")[2].splitlines()

    assert [line.split("**")[1] for line in classes] == [
        *("feature", "configuration", "environment", "performance", "error", "pseudonym"),
    ]
    assert "- **error**" not in markdown(Catalog(EntryDeleted, version=1))


def test_bars_and_backticks_are_escaped() -> None:
    """In tables, headings and links."""
    page = markdown(Catalog(_Strange, EntryDeleted, version=1))

    assert r"| `` a\|b` `` | A \| b. | true or false |" in page
    assert r"| ``a `b` \| c`` |" in page
    assert "## ``a/b ~c%d`|é``" in page
    assert "- [``a/b ~c%d`|é``](#a%2Fb%20~c%25d%60%7C%C3%A9): " in page
    assert '<a id="a%2Fb%20~c%25d%60%7C%C3%A9"></a>' in page
