"""The snapshot that is held, as a value.

Of the recipes only their bytes are kept: they are large, and needed only when the controller reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from ..health.observer import Watched
from ..health.rules.rules import LABEL_PREFIX
from ..model import EngineIdentity, OriginalRecipe, Recipes, Snapshot
from ..protection import given_labels
from .standing import ONEOFF_LABEL, RESTART_LABEL

# To bytes at once: by way of a text there would be one more copy of recipes that may have tens of megabytes.
_SNAPSHOT, _RECIPES = TypeAdapter(Snapshot), TypeAdapter(Recipes)


@dataclass(frozen=True, slots=True)
class Held:
    """The snapshot that is held, with the bytes that are served of it: they cost nothing when they are asked for."""

    snapshot: Snapshot
    public: bytes = field(repr=False)
    """`model.Snapshot` as JSON."""
    recipes: bytes = field(repr=False)
    """`model.Recipes` as JSON. Holds secrets."""
    watched: tuple[Watched, ...] = field(repr=False)
    """What is needed to know whether the originals are well."""
    labels: Mapping[str, Mapping[str, str]] = field(repr=False)
    """The labels that say whether an original may be down, by its container id."""

    @classmethod
    def of(cls, recipes: Recipes) -> "Held":
        """Hold this snapshot."""
        snapshot = recipes.summary()
        configs = {str(image.get("Id")): image.get("Config") for image in recipes.images}
        watched = tuple(_watched(original, configs.get(original.image_id)) for original in recipes.originals)
        labels = {original.id: _rule_labels(original) for original in recipes.originals}
        return cls(snapshot, _SNAPSHOT.dump_json(snapshot), _RECIPES.dump_json(recipes), watched, labels)

    def of_engine(self, engine: EngineIdentity) -> "Held":
        """The same snapshot, of an engine whose identity has changed."""
        recipes = Recipes.model_validate_json(self.recipes)
        head = recipes.snapshot.model_copy(update={"engine": engine})
        return Held.of(recipes.model_copy(update={"snapshot": head}))


def _rule_labels(original: OriginalRecipe) -> Mapping[str, str]:
    labels: dict[str, str] = original.inspect["Config"].get("Labels") or {}
    return {label: labels[label] for label in (RESTART_LABEL, ONEOFF_LABEL) if label in labels}


def _watched(original: OriginalRecipe, image_config: dict[str, Any] | None) -> Watched:
    config: dict[str, Any] = original.inspect["Config"]
    labels = given_labels(config.get("Labels") or {}, image_config, original.inspect)
    ours = {label: value for label, value in labels.items() if label.startswith(LABEL_PREFIX)}
    health_check: dict[str, Any] = config.get("Healthcheck") or {}
    has_health_check = health_check.get("Test") not in (None, [], ["NONE"])
    return Watched(original.id, original.name, ours, has_health_check)
