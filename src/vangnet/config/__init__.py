"""The settings of one installation, and the only reader of the environment.

A setting comes from the environment (`VANGNET_PORT`), else from the TOML file that `VANGNET_CONFIG_FILE` names, else from
its default.
"""

from vangnet.config.reading import PREFIX, SettingShown, load, show, variable
from vangnet.config.settings import Settings, default_data_dir
from vangnet.config.values import DoorsNames, DoorsUse, FetchFrom, LogFormat, listen_address

__all__ = [
    "PREFIX",
    "DoorsNames",
    "DoorsUse",
    "FetchFrom",
    "LogFormat",
    "SettingShown",
    "Settings",
    "default_data_dir",
    "listen_address",
    "load",
    "show",
    "variable",
]
