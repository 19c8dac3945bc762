"""NNU: data sets, plans, models and predictions exchanged with nnU-Net."""

from __future__ import annotations

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

UNUSABLE_CHECKPOINT = Rule(
    id="NNU101",
    slug="nnunet.unusable-checkpoint",
    title="nnU-Net checkpoint that is missing or cannot be read safely",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="a checkpoint of nnU-Net's trainer that holds only tensors and plain values",
    remedy="Check the folder and the fold.",
    harm="A pickle that holds other objects can run any code when it is opened.",
)
UNKNOWN_TENSOR = Rule(
    id="NNU102",
    slug="nnunet.unknown-tensor",
    title="Tensor that has no counterpart in the net",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="the weights of nnU-Net's PlainConvUNet or ResidualEncoderUNet",
    remedy="Use the plans.json that the checkpoint was trained with.",
)
MODEL_MISMATCH = Rule(
    id="NNU103",
    slug="nnunet.model-mismatch",
    title="nnU-Net weights that do not fit their plan, or labels that are regions",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="plans.json, dataset.json and checkpoint of one training, with one value for each label",
    remedy="Use the files of one training.",
)
RULES_NOT_EXPRESSIBLE = Rule(
    id="NNU104",
    slug="nnunet.rules-not-expressible",
    title="Postprocessing rules that nnU-Net's own functions cannot express",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="rules that keep the largest 26-connected component and set the rest to background",
    remedy="Set route=own, or route=auto.",
)
INVALID_DATASET_NAME = Rule(
    id="NNU105",
    slug="nnunet.invalid-dataset-name",
    title="Number or name that an nnU-Net data set cannot have",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a number from 1 to 999, and a name of letters, digits and underscores that does not begin with a digit",
    remedy="Set dataset_id and name, for example dataset_id=501 name=Liver.",
)
UNUSABLE_PREDICTION = Rule(
    id="NNU106",
    slug="nnunet.unusable-prediction",
    title="nnU-Net prediction or probabilities that cannot be read or do not match",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="a prediction and the .npz file that nnU-Net writes beside it",
    remedy="Predict again with --save_probabilities.",
)
NET_NOT_IN_NNUNET = Rule(
    id="NNU107",
    slug="nnunet.net-not-available",
    title="Net that nnU-Net does not have",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="plain_unet or res_enc_unet, which nnU-Net has too",
    remedy="Set net=plain_unet or net=res_enc_unet.",
)
AXES_MISMATCH = Rule(
    id="NNU108",
    slug="nnunet.axes-mismatch",
    title="Files whose axes are in another order than those of the plan",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="files whose axes run along x, y and z of the patient, as the plan's do",
    remedy="Set orientation=canonical.",
    harm="nnU-Net would train with the patch and the strides of other axes.",
)
LABEL_VALUES_UNKNOWN = Rule(
    id="NNU109",
    slug="nnunet.label-values-unknown",
    title="Label values that nnU-Net's data set does not have, or that are not known",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="labels with the values 1, 2, ..., or nnU-Net's dataset.json, which states its value of each label",
    remedy="Set dataset_json= to the dataset.json of the training.",
)
