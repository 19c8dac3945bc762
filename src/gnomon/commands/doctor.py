"""gnomon doctor: what this installation has."""

from __future__ import annotations

from pydicom.uid import AllTransferSyntaxes

from gnomon.commands.compose import configs_folder
from gnomon.commands.launch import DONE
from gnomon.commands.sections import DoctorCommand
from gnomon.core.extensions import find_extensions, name_clashes
from gnomon.core.provenance import git_state, hardware, lock_sha256, package_versions, source_checkout
from gnomon.dicom import missing_decoder
from gnomon.io.console import say
from gnomon.settings.names import built_in_nets, net_names


def run(config: DoctorCommand) -> int:
    """Print versions, machine, decoders and nets."""
    for name, version in package_versions().items():
        say(f"{name:32} {version or 'not installed'}")
    for name, value in hardware().items():
        say(f"{name:32} {value}")
    missing = [uid.name for uid in AllTransferSyntaxes if uid.is_encapsulated and missing_decoder(uid)]
    say(f"{'transfer syntaxes without decoder':32} {len(missing)}: {'; '.join(missing) or 'none'}")
    say(f"{'nets':32} {', '.join(net_names())}")
    for extension in find_extensions():
        say(f"{'extension':32} {extension}")
    for finding in name_clashes("nets", built_in_nets()):
        say(f"{'problem':32} {finding}")
    say(f"{'configuration files':32} {configs_folder()}")
    say(f"{'commit':32} {git_state(source_checkout())['commit']}")
    say(f"{'lock':32} {lock_sha256(source_checkout())}")
    return DONE
