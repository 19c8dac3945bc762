"""Networks shaped by a plan. A net is one module in `zoo/`, with `Settings` and `build`, and one config."""

from gnomon.nets.building import build_net, net_settings
from gnomon.nets.classifier import Classifier, build_classifier
from gnomon.nets.memory import step_bytes
from gnomon.nets.ushape import stage_widths
from gnomon.nets.zoo.mednext import enlarge_kernels

__all__ = [
    "Classifier",
    "build_classifier",
    "build_net",
    "enlarge_kernels",
    "net_settings",
    "stage_widths",
    "step_bytes",
]
