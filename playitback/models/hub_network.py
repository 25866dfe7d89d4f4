"""The door to transformers: its networks and feature extractors, made of descriptions that were checked.

Nothing else imports the package, and nothing here reads a file: the descriptions come from ``hub_folder``, and the
weights from ``playitback.checkpoint``, so that no code of a stranger's is run, whatever his folder holds.
"""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import nn

from playitback.errors import CheckpointError, SettingsError

_OLDEST = 5  # version of transformers whose networks, and names of their weights, are known here
_INSTALL = "pip install -r requirements-hub.txt"


def require_transformers() -> Any:
    """The package transformers. Raises CheckpointError, which says what to install, where it is missing or too old."""
    try:
        import transformers
    except ImportError as error:
        raise CheckpointError(
            f"this is a model of the package transformers, which is not installed ({error}); {_INSTALL}"
        ) from error
    if int(transformers.__version__.partition(".")[0]) < _OLDEST:
        raise CheckpointError(
            f"this is a model of the package transformers, of which {transformers.__version__} is too old; {_INSTALL}"
        )
    return transformers


def classifier_name(kind: Any) -> str | None:
    """Name of the class of audio classifiers of a ``model_type``; None: transformers has none."""
    require_transformers()
    from transformers.models.auto.modeling_auto import MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES as NAMES

    return NAMES.get(kind) if isinstance(kind, str) else None


def read_network(values: Mapping[str, Any]) -> Any:
    """transformers' own description of a network, from a config.json. Raises SettingsError for values it refuses."""
    require_transformers()
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    with _refusals():
        return CONFIG_MAPPING[values["model_type"]].from_dict(dict(values))


def make_network(values: Mapping[str, Any]) -> nn.Module:
    """An audio classifier in evaluation mode, in float32, with new weights. values: of a config.json, checked.

    Raises SettingsError for values that transformers refuses.
    """
    maker = require_transformers().AutoModelForAudioClassification
    described = read_network(values)
    with _refusals():
        network: nn.Module = maker.from_config(described, dtype=torch.float32, trust_remote_code=False)
    return network.eval()


def knows_extractor(name: Any) -> bool:
    """Whether transformers has a feature extractor of that name."""
    require_transformers()
    from transformers.models.auto import feature_extraction_auto

    names: Mapping[str, str] = vars(feature_extraction_auto)["FEATURE_EXTRACTOR_MAPPING_NAMES"]
    return name in names.values()


def make_extractor(values: Mapping[str, Any]) -> Any:
    """The feature extractor that ``values``, of a preprocessor_config.json and checked, describe.

    Raises SettingsError for values that transformers refuses.
    """
    with _refusals():
        kind = getattr(require_transformers(), values["feature_extractor_type"])
        return kind(**{name: value for name, value in values.items() if name != "feature_extractor_type"})


#: what transformers raises for values that no one checked
FAILURES = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError),
    *(RuntimeError, StrictDataclassError, TypeError, ValueError),
)


@contextmanager
def _refusals() -> Iterator[None]:
    """What transformers raises for values that no one checked, as one short line; what it logs of them is not shown.

    Its log repeats them as they are, and they may command a terminal.
    """
    log = logging.getLogger("transformers")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except FAILURES as error:
        raise SettingsError(in_a_line(error)) from error
    finally:
        log.setLevel(level)


def in_a_line(error: Exception) -> str:
    """What an error of transformers says, which may fill a page."""
    return textwrap.shorten(str(error), 200, placeholder=" ...") or type(error).__name__


def stored_names(network: Any, names: Mapping[str, str]) -> dict[str, str]:
    """Name of every weight of a network of ``make_network`` -> its name in a file, whose ``names`` map to themselves.

    Older versions of transformers named some weights otherwise; what it does not know keeps its name.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightRenaming, rename_source_key

    renamings = [each for each in get_model_conversion_mapping(network) if isinstance(each, WeightRenaming)]
    wanted = network.state_dict()
    return {
        rename_source_key(name, renamings, [], network.base_model_prefix, wanted)[0]: stored
        for name, stored in names.items()
    }
