"""Command line and YAML files -> the checked settings of a command. No stage is imported, so that a mistake is
reported at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_type_hints

from gnomon.commands.describe import settings_of
from gnomon.core.extensions import extension_names
from gnomon.core.settings import (
    as_clause,
    closest_first,
    declaration,
    missing_value,
    settings_from,
    type_name,
    unknown_key,
)
from gnomon.rules.catalogue.usage import (
    CONFLICTING_CONFIG,
    INVALID_VALUE,
    MISSING_FOLDER,
    UNKNOWN_NET,
    UNKNOWN_OPTION,
    UNKNOWN_SETTING,
    UNKNOWN_SUBCOMMAND,
)
from gnomon.rules.finding import Refusal
from gnomon.settings.names import net_names

if TYPE_CHECKING:
    from omegaconf import DictConfig

_HEADER = "# @package _global_"


@dataclass(frozen=True)
class Request:
    """What a command line asks for.

    Attributes:
        overrides: `key=value` and `group=option`, checked against the sections and files there are.
        config_dir: the user's own folder of configurations; None: there is none.
        multirun: whether to run once for each combination of values.
    """

    overrides: tuple[str, ...]
    config_dir: Path | None
    multirun: bool


def configs_folder() -> Path:
    """The YAML files that come with Gnomon: inside an installed package, or at the root of the checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "configs" if (package / "configs").is_dir() else package.parents[1] / "configs"


def read_request(kind: Any, arguments: Sequence[str]) -> Request:
    """Read a command line.

    Raises:
        Refusal: USE101 a folder that does not exist, USE108 an unknown key, USE133 an unknown option, USE134 a file of
            the user with the name of one of ours.
    """
    rest, folder, multirun = list(arguments), None, False
    positional = next((one for one in fields(kind) if declaration(one).positional), None)
    if positional and rest and "=" not in rest[0] and rest[0][:1].isalpha():  # `postprocess fit ...`, `new NAME`
        if (choices := declaration(positional).choices) and rest[0] not in choices:
            raise UNKNOWN_SUBCOMMAND.refusal(rest[0], found="no such verb", expected=closest_first(rest[0], choices))
        rest[0] = f"{positional.name}={rest[0]}"
    overrides = []
    while rest:
        word = rest.pop(0)
        if word in ("-m", "--multirun"):
            multirun = True
        elif word == "--explain":
            overrides.append("explain=true")
        elif word == "--config-dir" or word.startswith("--config-dir="):
            folder = word.partition("=")[2] or (rest.pop(0) if rest else "")
        else:
            overrides.append(word)
    own = user_folder(folder)
    return Request(tuple(_check_override(kind, word, own) for word in overrides), own, multirun)


def user_folder(given: str | None) -> Path | None:
    """The user's folder of configurations: the one given, or `configs/` where the command runs.

    Raises:
        Refusal: USE101 there is no such folder, USE134 a file has the name of one of ours and other contents.
    """
    folder = Path("configs" if given is None else given).expanduser().resolve()
    if given is not None and not folder.is_dir():
        raise MISSING_FOLDER.refusal(given, found="no such folder", expected="a folder of YAML files (--config-dir)")
    if not folder.is_dir() or folder == configs_folder().resolve():
        return None
    for ours in sorted(configs_folder().glob("*/*.yaml")):
        theirs = folder / ours.relative_to(configs_folder())
        if theirs.is_file() and theirs.read_bytes() != ours.read_bytes():
            raise CONFLICTING_CONFIG.refusal(str(theirs), found=f"the name of a configuration of Gnomon, {ours.stem}")
    return folder


def options_of(group: str, own: Path | None) -> list[str]:
    """The options of a group: YAML files of Gnomon and of the user, and nets of installed packages."""
    folders = [configs_folder(), *([own] if own else [])]
    names = {path.stem for folder in folders for path in (folder / group).glob("*.yaml")}
    return sorted(names | set(extension_names("nets") if group == "net" else ()))


def groups() -> list[str]:
    """The groups of configurations, as `experiment` and `net`."""
    return sorted(path.name for path in configs_folder().iterdir() if path.is_dir())


def compose(command: str, kind: Any, request: Request) -> Any:
    """The settings of a command, checked.

    Raises:
        Refusal: a configuration that cannot be composed, or settings that are unknown, missing or not allowed.
    """
    from hydra import compose as compose_files  # here, so that --help does not wait for it
    from hydra import initialize_config_dir

    with initialize_config_dir(str(configs_folder()), version_base="1.3"):
        config = compose_files(command, overrides=[*request.overrides, search_path(request.config_dir)])
    return check_config(kind, config)


def search_path(own: Path | None) -> str:
    """Where Hydra looks besides our folder: the user's, and the nets of installed packages."""
    from gnomon.commands.extension_configs import SEARCH_PATH

    folders = [SEARCH_PATH, *([f"file://{own}"] if own else [])]
    return f"hydra.searchpath=[{','.join(repr(folder) for folder in folders)}]"


def check_config(kind: Any, config: DictConfig) -> Any:
    """The settings in a composed configuration, checked; its paths exist."""
    from omegaconf import OmegaConf

    if "experiment" in config:
        raise UNKNOWN_SETTING.refusal(
            "experiment",
            found="settings below the key `experiment`",
            expected=f"an experiment file whose first line is {_HEADER!r}",
            remedy="Add this line to the file.",
        )
    if missing := sorted(OmegaConf.missing_keys(config)):
        raise missing_value(kind, missing[0])
    values = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    if "net" in values:
        _check_net(values["net"])
    settings = settings_from(kind, values)
    _check_paths(kind, settings)
    return settings


def refuse_composition(error: Exception) -> Refusal:
    """What Hydra or OmegaConf says about a configuration, in our words."""
    options = getattr(error, "options", None)
    name = getattr(error, "missing_cfg_file", None)
    if name and options is not None:
        group, _, option = str(name).rpartition("/")
        return UNKNOWN_OPTION.refusal(
            group or str(name), found=repr(option), expected=closest_first(option, sorted(set(options)))
        )
    key = getattr(error, "full_key", None)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    lines = [line for line in lines if "HYDRA_FULL_ERROR" not in line and "full_key:" not in line]
    return UNKNOWN_SETTING.refusal(
        str(key or "configuration"),
        found=lines[0].rstrip(".") if lines else "a configuration that cannot be composed",
        expected="a configuration that can be read",
    )


def _check_override(kind: Any, word: str, own: Path | None) -> str:
    """An override for Hydra, whose key or option exists."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    if word[:1] in ("+", "~"):
        raise UNKNOWN_SETTING.refusal(
            word, found="a key that is added or removed", expected="KEY=VALUE", remedy="Leave out + and ~."
        )
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException:
        raise UNKNOWN_SETTING.refusal(
            word,
            found="an argument that cannot be read",
            expected="KEY=VALUE",
            remedy="Quote values with brackets or spaces, as 'label_names={liver: 1}'.",
        ) from None
    key = override.key_or_group
    if key.partition(".")[0].partition("/")[0] == "hydra":
        return word
    if key not in groups():
        _check_key(kind, key)
        return f"++{word}"  # the key exists, perhaps in a section that is null
    if key not in [*_group_options(kind), "experiment", "debug"]:
        raise unknown_key(kind, key)
    chosen = override.sweep_string_iterator() if override.is_sweep_override() else [override.value()]
    for option in chosen:
        for name in option if isinstance(option, list) else [option]:
            if str(name) not in (names := options_of(key, own)):
                raise UNKNOWN_OPTION.refusal(
                    key,
                    found=repr(str(name)),
                    expected=closest_first(name, names),
                    remedy=f"Set {key}= to one of these.",
                )
    return word


def _group_options(kind: Any) -> list[str]:
    return [one.name for one in fields(kind) if declaration(one).option]


def _check_key(kind: Any, key: str) -> None:
    """Refuse a dotted key that names nothing."""
    where = ""
    for name in key.split("."):
        if not is_dataclass(kind):
            return
        hints = get_type_hints(kind)
        if name not in [one.name for one in fields(kind)]:
            raise unknown_key(kind, name, where)
        where, kind = f"{where}.{name}" if where else name, hints[name]


def _check_net(net: Any) -> None:
    """Check name, keys and types of a net against the YAML file of its defaults; its bounds are checked with torch."""
    name = str(net.get("name"))
    if name not in net_names():
        raise UNKNOWN_NET.refusal("net.name", found=repr(name), expected=closest_first(name, net_names()))
    defaults = _net_defaults(name)
    for key, value in net.items():
        if defaults and key not in defaults:
            raise UNKNOWN_SETTING.refusal(
                f"net.{key}",
                found="no such setting",
                expected=closest_first(key, [one for one in defaults if one != "name"]),
                remedy="Correct the key, or see the settings with --help.",
            )
        default = defaults.get(key)
        allowed = (int, float) if isinstance(default, float) else type(default)
        if default is not None and (
            not isinstance(value, allowed) or isinstance(value, bool) != isinstance(default, bool)
        ):
            raise INVALID_VALUE.refusal(
                f"net.{key}",
                found=repr(value),
                expected=type_name(type(default)),
                remedy="Correct the value, or see the settings with --help.",
            )


def _same_type(value: Any, default: Any) -> bool:
    """Whether a value has the type of the default; a whole number is a number, and true or false is neither."""
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(default)


def _net_defaults(name: str) -> dict[str, Any]:
    import yaml

    path = configs_folder() / "net" / f"{name}.yaml"
    return cast(dict[str, Any], yaml.safe_load(path.read_text())) if path.is_file() else {}


def _check_paths(kind: Any, settings: Any) -> None:
    """Refuse paths that do not exist, where a setting declares that they do."""
    for key, _, one in settings_of(kind):
        declared, value = declaration(one), settings
        for name in key.split("."):
            value = getattr(value, name)
        if not declared.path or value is None:
            continue
        path = Path(str(value)).expanduser()
        exists = {"file": path.is_file, "folder": path.is_dir}.get(declared.path, path.exists)
        if not exists():
            raise MISSING_FOLDER.refusal(
                str(value),
                found=f"no such {declared.path}",
                expected=f"for {key}: {as_clause(declared.text)}",
                remedy=f"Check the path in {key}.",
            )
