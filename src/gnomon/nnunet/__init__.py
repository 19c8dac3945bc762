"""The bridge to nnU-Net, both ways: data sets, plans, weights, predictions, and postprocessing that it applies."""

from gnomon.nnunet.dataset import ORIENTATIONS, NnunetFolders, dataset_name, export_dataset
from gnomon.nnunet.model import import_model
from gnomon.nnunet.plans import PLANS_NAME, nnunet_plans
from gnomon.nnunet.postprocessing import ROUTES, for_channels, write_stock_postprocessing
from gnomon.nnunet.predictions import import_predictions

__all__ = [
    "ORIENTATIONS",
    "PLANS_NAME",
    "ROUTES",
    "NnunetFolders",
    "dataset_name",
    "export_dataset",
    "for_channels",
    "import_model",
    "import_predictions",
    "nnunet_plans",
    "write_stock_postprocessing",
]
