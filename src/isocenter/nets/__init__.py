"""Networks shaped by a plan. A net is one file here, with `Settings` and `build`, and one config."""

from isocenter.nets.building import build_net, net_names, net_settings
from isocenter.nets.classifier import Classifier, build_classifier
from isocenter.nets.memory import step_bytes
from isocenter.nets.topology import Topology, topology
from isocenter.nets.ushape import widths_of

__all__ = [
    "Classifier", "Topology", "build_classifier", "build_net", "net_names", "net_settings", "step_bytes", "topology",
    "widths_of",
]  # fmt: skip
