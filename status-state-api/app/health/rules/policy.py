"""The policy: rules for containers by their names, for those that can't be relabelled. Reading and matching. Pure.

It is a YAML list; every entry has `match`, a glob or several, and any of the keys that labels have. All entries that
match a name apply: where two set the same key, the later one counts, and each of them counts before a label. So the
general rule comes first, the exceptions after it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Any, cast

import yaml

from .rules import LABEL_PREFIX, MODELS, HandlingRule, Setting, label_settings, read_rule, unknown_key

NULL_TAG = "tag:yaml.org,2002:null"
MERGE_TAG = "tag:yaml.org,2002:merge"
NESTED = ("probe", "logs")
"""Keys may be written `probe.url: …`, or as a mapping: `probe: {url: …}`."""


class PolicyBroken(Exception):
    """The text is no policy at all; the message is a sentence with the line."""


@dataclass(frozen=True)
class Entry:
    """One entry of the list. `settings` are its keys as they are written; `handling` is what the controller needs."""

    place: str
    match: tuple[str, ...]
    settings: Mapping[str, Setting]
    handling: HandlingRule

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(translate(glob) for glob in self.match))

    def matches(self, name: str) -> bool:
        """Tell whether it is about a container of this name."""
        return self._pattern.match(name) is not None


@dataclass(frozen=True)
class Policy:
    """All entries in their order, and a sentence for each thing that is wrong in them."""

    entries: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = ()

    def settings(self, name: str, labels: Mapping[str, str]) -> dict[str, Setting]:
        """Return the keys that are in force for a container of this name with these labels."""
        settings = label_settings(labels)
        for entry in self.entries:
            if entry.matches(name):
                settings.update(entry.settings)
        return settings

    def apply(self, name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Return the labels with what the policy says of `ignore` and `restart` in their place."""
        handling: dict[str, str] = {}
        for entry in self.entries:
            if entry.matches(name):
                handling |= _as_labels(entry.handling)
        return {**labels, **handling} if handling else labels

    def unmatched(self, names: Iterable[str]) -> list[Entry]:
        """Return the entries that match none of these names."""
        present = list(names)
        return [entry for entry in self.entries if not any(entry.matches(name) for name in present)]

    def handling(self) -> list[dict[str, Any]]:
        """Return what the controller needs of it, in order, as it travels."""
        return [
            {"match": list(entry.match), "ignore": entry.handling.ignore, "restart": entry.handling.restart}
            for entry in self.entries
            if _as_labels(entry.handling)
        ]


def _as_labels(handling: HandlingRule) -> dict[str, str]:
    labels: dict[str, str] = {}
    if handling.ignore is not None:
        labels[f"{LABEL_PREFIX}ignore"] = "true" if handling.ignore else "false"
    if handling.restart is not None:
        labels[f"{LABEL_PREFIX}restart"] = handling.restart
    return labels


def read_policy(text: str, source: str) -> Policy:
    """Read a policy; `source` is the file's name, for the places. Raises `PolicyBroken`."""
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    except (yaml.YAMLError, RecursionError) as error:
        raise PolicyBroken(_syntax_error(error, source)) from error
    try:
        if root is None or root.tag == NULL_TAG:
            return Policy()
        if not isinstance(root, yaml.SequenceNode):
            raise PolicyBroken(f"{_place(source, root)}: a list is expected, whose entries begin with `- match: …`")
        read = _Reader(loader, source)
        entries = [entry for node in root.value if (entry := read.entry(node)) is not None]
        return Policy(tuple(entries), tuple(read.problems))
    finally:
        loader.dispose()


def _syntax_error(error: Exception, source: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{source}, line {error.problem_mark.line + 1}: this is no YAML: {error.problem}"
    return f"{source}: this is no YAML: {' '.join(str(error).split())}"


def _text(node: yaml.Node) -> str:
    return node.value if isinstance(node, yaml.ScalarNode) else "(no word)"


def _place(source: str, node: yaml.Node) -> str:
    return f"{source}, line {node.start_mark.line + 1}"


class _Reader:
    """Reads entries, keeping the lines that PyYAML's own values have lost."""

    def __init__(self, loader: yaml.SafeLoader, source: str) -> None:
        self._loader = loader
        self._source = source
        self.problems: list[str] = []

    def entry(self, node: yaml.Node) -> Entry | None:
        place = _place(self._source, node)
        if not isinstance(node, yaml.MappingNode):
            self.problems.append(f"{place}: an entry with `match: …` is expected")
            return None
        written = self._flat(node)
        match = self._read_match(written.pop("match", None), place)
        self.problems += [problem for key, one in written.items() if (problem := unknown_key(key, one)) is not None]
        # Whether a rule is complete shows only with the labels and the other entries; what is wrong shows here.
        for prefix in MODELS:
            _, problems = read_rule(prefix, _completed(prefix, written))
            self.problems += problems
        handling = self._handling(written)
        if match is None:
            return None
        if not written:
            self.problems.append(f"{place}: this entry says nothing about what it matches")
        return Entry(place, match, written, handling)

    @staticmethod
    def _handling(written: Mapping[str, Setting]) -> HandlingRule:
        """Read each of the two by itself: a wrong one must not take the other along."""
        said: dict[str, Any] = {}
        for key in HandlingRule.model_fields:
            one, _ = read_rule("", {key: written[key]} if key in written else {})
            said[key] = getattr(one, key, None)
        if "ignore" in written and said["ignore"] is None:
            # As with a label: leaving a container alone by mistake can be mended, stopping it can't.
            said["ignore"] = True
        return HandlingRule(**said)

    def _flat(self, node: yaml.MappingNode) -> dict[str, Setting]:
        """Return all keys of an entry, in their dotted form."""
        return {
            key: Setting(self._match(value) if key == "match" else self._value(value), _place(self._source, value))
            for key, value in self._keys(node, told=True).items()
        }

    def _keys(self, node: yaml.MappingNode, *, told: bool, prefix: str = "") -> dict[str, yaml.Node]:
        """Return the values by their keys: those of merged mappings (`<<: *shared`), and the own ones, which win."""
        merged: dict[str, yaml.Node] = {}
        own: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.tag == MERGE_TAG:
                shared = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for one in reversed(shared):  # of several the first one wins
                    merged |= self._keys_to_merge(one, prefix)
                continue
            name = prefix + _text(key).removeprefix(LABEL_PREFIX)
            nested = name in NESTED and isinstance(value, yaml.MappingNode)
            for full, one in (self._keys(value, told=told, prefix=f"{name}.") if nested else {name: value}).items():
                if told and full in own:
                    self.problems.append(f"{_place(self._source, one)}: {full} is given twice")
                own[full] = one
        return merged | own

    def _keys_to_merge(self, node: yaml.Node, prefix: str) -> dict[str, yaml.Node]:
        if isinstance(node, yaml.MappingNode):
            return self._keys(node, told=False, prefix=prefix)
        self.problems.append(f"{_place(self._source, node)}: `<<` takes a mapping, or a list of them")
        return {}

    def _match(self, node: yaml.Node) -> Any:
        """Return globs as they are written: `no` and `0123` are names as well, not false and 83."""
        if isinstance(node, yaml.ScalarNode):
            return node.value
        if isinstance(node, yaml.SequenceNode) and all(isinstance(one, yaml.ScalarNode) for one in node.value):
            return [one.value for one in node.value]
        return None

    def _value(self, node: yaml.Node) -> Any:
        try:
            value: Any = self._loader.construct_object(node, deep=True)  # pyright: ignore[reportUnknownMemberType]
        except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            said = " ".join(str(error).split())
            self.problems.append(f"{_place(self._source, node)}: this value can't be read: {said}")
            return None
        if value is None:
            self.problems.append(f"{_place(self._source, node)}: a value is missing")
        return value

    def _read_match(self, setting: Setting | None, place: str) -> tuple[str, ...] | None:
        if setting is None:
            self.problems.append(f"{place}: this entry has no `match`, so it is left out")
            return None
        value: Any = setting.value
        globs = cast("list[str | None]", value) if isinstance(value, list) else [cast("str | None", value)]
        if not globs or not all(globs):
            self.problems.append(f"{setting.place}: match is a glob of names such as web-*, or a list of them")
            return None
        return tuple(glob for glob in globs if glob)


def _completed(prefix: str, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Add what another entry may have said, so that the keys of this one can be checked by themselves."""
    needed = MODELS[prefix][1]
    stand_ins = {"probe.": "http://:80/", "logs.": "error"}
    keys = {key: setting for key, setting in settings.items() if key.startswith(prefix)}
    if needed is not None and keys:
        keys.setdefault(prefix + needed, Setting(stand_ins[prefix], ""))
    return keys if prefix else dict(settings)
