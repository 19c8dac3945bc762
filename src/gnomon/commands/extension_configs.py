"""Configurations of nets from other packages, made from their settings: `net=NAME` needs no YAML file."""

from __future__ import annotations

from dataclasses import asdict

from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import OmegaConf

from gnomon.core.extensions import extension_names

SEARCH_PATH = "extensions://nets"
"""Entry of Hydra's search path behind which these configurations lie."""


class ExtensionConfigs(ConfigSource):
    """The group `net`: one configuration for each net that an installed package adds.

    Listing imports nothing; the package of a net is imported when its configuration is loaded.
    """

    @staticmethod
    def scheme() -> str:
        """Scheme in Hydra's search path."""
        return "extensions"

    def available(self) -> bool:
        """Always: without extensions the group is empty."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Whether the path is a group of configurations."""
        return config_path.strip("/") in ("", "net")

    def is_config(self, config_path: str) -> bool:
        """Whether the path is the configuration of a net."""
        group, _, name = config_path.strip("/").removesuffix(".yaml").rpartition("/")
        return group == "net" and name in extension_names("nets")

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Names of the nets."""
        names = extension_names("nets") if config_path.strip("/") == "net" else []
        return names if results_filter in (None, ObjectType.CONFIG) else []

    def load_config(self, config_path: str) -> ConfigResult:
        """The name of a net, and its settings at their defaults.

        Raises:
            Refusal: EXT101 to EXT103, the net's package is broken; USE108, a setting without a default.
        """
        if not self.is_config(config_path):
            raise ConfigLoadError(f"no net at {config_path}")
        from gnomon.nets import net_settings  # here, because it imports torch

        name = config_path.strip("/").removesuffix(".yaml").rpartition("/")[2]
        config = OmegaConf.create({"name": name, **asdict(net_settings({"name": name}))})
        return ConfigResult(provider=self.provider, path=self.full_path(), config=config, header={"package": None})


SourcesRegistry.instance().register(ExtensionConfigs)
