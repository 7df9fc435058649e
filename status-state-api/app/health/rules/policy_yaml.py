"""Reads the policy from YAML. Pure.

Only PyYAML's nodes are used, never the values that it would make of them: a node knows its line, and its text is what a
label would hold. So `no` and `0123` stay names, a tag can construct nothing, and an alias costs nothing however often
it is used.
"""

from collections.abc import Mapping
from typing import Any, cast

import yaml
from yaml.reader import ReaderError

from .policy import Entry, Policy
from .rules import LABEL_PREFIX, HandlingRule, Setting, names_of, read_rule, unknown_key

NULL_TAG = "tag:yaml.org,2002:null"
MERGE_TAG = "tag:yaml.org,2002:merge"
NESTED = ("probe", "logs")
"""Keys may be written `probe.url: …`, or as a mapping: `probe: {url: …}`."""
DEEPEST = 50
"""How deep a policy may be nested; it takes four levels."""
MOST_NODES = 20_000
"""How many words and collections it may have: some two thousand entries, which take a second to read."""
MOST_KEYS = 64
"""How many keys an entry may have, with those that it merges; there are a dozen."""
MOST_PROBLEMS = 100
"""So many are reported; of more the file can't be a policy."""
STAND_INS = {"probe.": {"probe.url": "http://:80/"}, "logs.": {"logs.severity": "error"}, "": {}}
"""What another entry or a label may have said, so that the keys of one entry can be checked by themselves."""


class PolicyBroken(Exception):
    """The text is no policy at all; the message is a sentence with the line."""


class _Loader(yaml.SafeLoader):
    """Composes nodes, to a depth that no stack minds and a number that nobody has to wait for."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth, self.nodes = self.depth + 1, self.nodes + 1
        if self.depth > DEEPEST or self.nodes > MOST_NODES:
            problem = "it is nested too deep" if self.depth > DEEPEST else "it is too long for a policy"
            event = cast("Any", self.peek_event())  # pyright: ignore[reportUnknownMemberType]
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_policy(text: str, source: str) -> Policy:
    """Read a policy; `source` is the file's name, for the places. Raises `PolicyBroken`."""
    try:
        root: yaml.Node | None = _Loader(text).get_single_node()
    except (yaml.YAMLError, RecursionError) as error:
        raise PolicyBroken(_syntax_error(error, text, source)) from error
    if root is None or root.tag == NULL_TAG:
        return Policy()
    reader = _Reader(source)
    if not isinstance(root, yaml.SequenceNode):
        raise PolicyBroken(f"{reader.place(root)}: a list is expected, whose entries begin with `- match: …`")
    entries = [entry for node in root.value if (entry := reader.entry(node)) is not None]
    return Policy(tuple(entries), tuple(reader.problems[:MOST_PROBLEMS]))


def _syntax_error(error: Exception, text: str, source: str) -> str:
    line, problem = 1, " ".join(str(error).split())
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line, problem = error.problem_mark.line + 1, str(error.problem)
    elif isinstance(error, ReaderError):
        line, problem = text.count("\n", 0, error.position) + 1, f"it holds the control character {error.character!r}"
    return f"{source}, line {line}: this is no YAML: {problem}"


class _Reader:
    """Makes entries of nodes, and collects what is wrong with them."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.problems: list[str] = []
        self._read: dict[tuple[int, str], dict[str, yaml.Node]] = {}

    def place(self, node: yaml.Node) -> str:
        return f"{self._source}, line {node.start_mark.line + 1}"

    def entry(self, node: yaml.Node) -> Entry | None:
        place = self.place(node)
        if not isinstance(node, yaml.MappingNode):
            self.problems.append(f"{place}: an entry with `match: …` is expected")
            return None
        nodes = self._keys(node)
        match = self._match(nodes.pop("match", None), place)
        written = {key: Setting(self._text(value), self.place(value)) for key, value in nodes.items()}
        if len(self.problems) < MOST_PROBLEMS:
            self._check(written)
        if match is None:
            return None
        if not written:
            self.problems.append(f"{place}: this entry says nothing about what it matches")
        return Entry(place, match, written, _handling(written))

    def _check(self, written: Mapping[str, Setting]) -> None:
        """Tell what is wrong: whether a rule is complete shows only with the labels and the other entries."""
        self.problems += [problem for key, one in written.items() if (problem := unknown_key(key, one)) is not None]
        for prefix, needed in STAND_INS.items():
            keys = {key: one for key, one in written.items() if key.startswith(prefix) and one.value is not None}
            if keys:
                self.problems += read_rule(prefix, {key: Setting(one, "") for key, one in needed.items()} | keys)[1]

    def _keys(self, node: yaml.MappingNode, prefix: str = "") -> dict[str, yaml.Node]:
        """Return the values by their dotted keys: those of merged mappings (`<<: *shared`), and the own ones, which win.

        Each mapping is read once, however often it is merged; one that merges itself gets nothing of that.
        """
        if (known := self._read.get((id(node), prefix))) is not None:
            return dict(known)
        self._read[id(node), prefix] = {}
        merged: dict[str, yaml.Node] = {}
        own: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if len(merged) + len(own) > MOST_KEYS:
                self.problems.append(f"{self.place(key)}: this entry has more keys than there are")
                break
            if key.tag == MERGE_TAG:
                merged |= self._merged(value, prefix)
                continue
            name = prefix + (key.value if isinstance(key, yaml.ScalarNode) else "(no word)").removeprefix(LABEL_PREFIX)
            nested = name in NESTED and isinstance(value, yaml.MappingNode)
            for full, one in (self._keys(value, f"{name}.") if nested else {name: value}).items():
                if full in own:
                    self.problems.append(f"{self.place(one)}: {full} is given twice")
                own[full] = one
        self._read[id(node), prefix] = merged | own
        return dict(self._read[id(node), prefix])

    def _merged(self, value: yaml.Node, prefix: str) -> dict[str, yaml.Node]:
        """Return the keys of shared mappings; of several the first one wins."""
        merged: dict[str, yaml.Node] = {}
        for one in reversed(value.value) if isinstance(value, yaml.SequenceNode) else [value]:
            if not isinstance(one, yaml.MappingNode):
                self.problems.append(f"{self.place(one)}: `<<` takes a mapping, or a list of them")
                continue
            merged |= self._keys(one, prefix)
        return merged

    def _text(self, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self.problems.append(f"{self.place(node)}: a word or a number is expected, not a list or a mapping")
            return None
        if node.tag == NULL_TAG:
            self.problems.append(f"{self.place(node)}: a value is missing")
            return None
        return node.value

    def _match(self, node: yaml.Node | None, place: str) -> tuple[str, ...] | None:
        if node is None:
            self.problems.append(f"{place}: this entry has no `match`, so it is left out")
            return None
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        globs = tuple(one.value for one in nodes if isinstance(one, yaml.ScalarNode) and one.value)
        if not globs or len(globs) < len(nodes):
            self.problems.append(f"{self.place(node)}: match is a glob of names such as web-*, or a list of them")
            return None
        return globs


def _handling(written: Mapping[str, Setting]) -> HandlingRule:
    """Read each key by itself: a wrong one must not take the others along."""
    said: dict[str, Any] = {}
    for key, field in names_of(HandlingRule).items():
        one, _ = read_rule("", {key: written[key]} if key in written else {})
        said[key] = getattr(one, field, None)
    if "ignore" in written and said["ignore"] is None:
        # As with a label: leaving a container alone by mistake can be undone, stopping it can't.
        said["ignore"] = True
    return HandlingRule(**said)
