"""What of a compose file is a secret, and the variables that take its place. Pure.

Of an environment every value counts as one. Elsewhere it is what `masking` would mask: there the whole value becomes a variable,
because `***` in its place would be started as it stands.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from ..masking import mask, mask_value

_COMMANDS = frozenset({"command", "entrypoint", "test"})
_CONTEXT = 3
"""Words: the program, perhaps behind `sudo` or `env`, tells what its options mean."""


def double_dollars(value: Any) -> Any:
    """Return JSON in which compose finds no variables."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: double_dollars(one) for key, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [double_dollars(one) for one in cast("list[Any]", value)]
    return value


def hide(document: Mapping[str, Any], variables: list[str]) -> dict[str, Any]:
    """Return a compose file with variables in the place of secrets; their names are added to the list, in order."""
    hiding = _Hiding(variables)
    hidden: dict[str, Any] = {}
    for part, value in document.items():
        if isinstance(value, Mapping):
            members = cast("Mapping[str, Any]", value)
            hidden[part] = {name: hiding.hide(one, [name]) for name, one in members.items()}
        else:
            hidden[part] = double_dollars(value)
    return hidden


class _Hiding:
    """Walks through a service, a network or a volume."""

    def __init__(self, variables: list[str]) -> None:
        self._variables = variables

    def hide(self, value: Any, path: list[str]) -> Any:
        """Return the value with variables in the place of secrets."""
        if isinstance(value, Mapping):
            members = cast("Mapping[str, Any]", value)
            words: list[str] = members.get("entrypoint") or []
            return {
                key: self._words(cast("list[str]", one), [*path, key], words if key == "command" else [])
                if key in _COMMANDS and isinstance(one, list)
                else self.hide(one, [*path, key])
                for key, one in members.items()
            }
        if isinstance(value, list):
            return [self.hide(one, [*path, str(place)]) for place, one in enumerate(cast("list[Any]", value))]
        if not isinstance(value, str):
            return value
        # Under a list the name is the list's: the place in it says nothing.
        name = next((key for key in reversed(path) if not key.isdigit()), "")
        is_environment = len(path) > 2 and path[1] == "environment"
        secret = bool(value) if is_environment else mask_value(name, value) != value
        return self._variable(path) if secret else double_dollars(value)

    def _words(self, words: list[str], path: list[str], before: list[str]) -> list[str]:
        """Return a command: each word that is a secret beside its program and the word before it is a variable."""
        found: list[str] = []
        for place, word in enumerate(words):
            others = [*before, *words[:place]]
            context = [*others[:_CONTEXT], *others[_CONTEXT:][-1:], word]
            shown = mask(" ".join(context)).endswith(word) and mask(word) == word
            found.append(double_dollars(word) if shown else self._variable([*path, str(place)]))
        return found

    def _variable(self, path: list[str]) -> str:
        """Return a reference to a new variable that is named by where its value stands."""
        words = [word for word in path if word not in {"environment", "labels"}]
        stem = re.sub(r"[^A-Z0-9]+", "_", "_".join(words).upper()).strip("_")
        stem = stem if stem[:1].isalpha() else f"V_{stem}"
        name, number = stem, 2
        while name in self._variables:
            name, number = f"{stem}_{number}", number + 1
        self._variables.append(name)
        return f"${{{name}:?}}"
