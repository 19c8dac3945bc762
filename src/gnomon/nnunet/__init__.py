"""Exchange with nnU-Net: data sets, plans, weights, predictions and postprocessing."""

from gnomon.nnunet.dataset import ORIENTATIONS, NnunetFolders, dataset_name, export_dataset
from gnomon.nnunet.model import import_model
from gnomon.nnunet.plans import PLANS_NAME, nnunet_plans
from gnomon.nnunet.postprocessing import ROUTES, renumber_labels, write_stock_postprocessing
from gnomon.nnunet.predictions import import_predictions

__all__ = [
    "ORIENTATIONS",
    "PLANS_NAME",
    "ROUTES",
    "NnunetFolders",
    "dataset_name",
    "export_dataset",
    "import_model",
    "import_predictions",
    "nnunet_plans",
    "renumber_labels",
    "write_stock_postprocessing",
]
