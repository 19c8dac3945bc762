"""NII: NIfTI files."""

from __future__ import annotations

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Needs, Rule, Scope

UNREADABLE_NIFTI = Rule(
    id="NII101",
    slug="nifti.unreadable",
    title="Missing, unreadable or truncated NIfTI file",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="a complete .nii or .nii.gz file",
    remedy="Check the path, or copy or export the file again.",
)
NOT_THREE_DIMENSIONAL = Rule(
    id="NII102",
    slug="nifti.not-3d",
    title="Image that is not three-dimensional",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="three dimensions",
    remedy="Store one volume per file; split time points or channels first.",
    standard="NIfTI-1, dim",
)
NO_ORIENTATION = Rule(
    id="NII103",
    slug="nifti.no-orientation",
    title="Header that states no orientation",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="sform_code or qform_code above 0",
    remedy="Convert the image again from its DICOM series; this file does not tell left from right.",
    standard="NIfTI-1, qform_code and sform_code",
    harm="Left and right may be swapped, in training and in every report.",
)
CONFLICTING_AFFINES = Rule(
    id="NII104",
    slug="nifti.conflicting-affines",
    title="sform and qform that disagree",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="the same affine in both, within a tenth of the smallest voxel edge",
    remedy="Find out which of the two is right, and set both to it.",
    standard="NIfTI-1, METHOD 2 and METHOD 3",
    harm="Two programs place the same image differently; labels no longer lie on their organs.",
    tolerance=0.1,
    unit="smallest voxel edge",
)
IMPOSSIBLE_AFFINE = Rule(
    id="NII105",
    slug="nifti.impossible-affine",
    title="Spacing of zero or less, or an affine that does not span space",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="positive distances between voxels in mm and an invertible affine",
    remedy="Convert the image again from its source.",
    standard="NIfTI-1, pixdim and srow",
    harm="Volumes and distances cannot be measured.",
)
NOT_FINITE = Rule(
    id="NII106",
    slug="nifti.not-finite",
    title="Voxels that are NaN or infinite",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="finite values",
    remedy="Find the tool that wrote them, and replace them by a value that fits what is missing there.",
    harm="A single NaN turns the loss, and from then on every weight, into NaN.",
    needs=Needs.PIXELS,
)
NOT_INTEGER_LABELS = Rule(
    id="NII107",
    slug="nifti.not-integer-labels",
    title="Label values that are not whole numbers",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="whole numbers from 0 to 65535",
    remedy="Export the label map as integers, with nearest-neighbour interpolation if it is resampled.",
    harm="Interpolated label values name structures that are not there.",
    needs=Needs.LABELS,
)
