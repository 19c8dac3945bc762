"""The texts of docs/pitfalls/: what each pitfall is, what goes wrong, and the fix."""

TEXTS: dict[str, tuple[str, str, str]] = {
    "P01": (
        "MONOCHROME1 read as a negative",
        "MONOCHROME1 means that a display shows the lowest value as white. Code that therefore inverts the stored "
        "values turns the air of a CT into metal, and a mixed cohort into two kinds of image.",
        "Quantitative images (CT, MR, PET) keep their values. Images made for display are converted to MONOCHROME2, "
        "with padding as a mask. `gnomon convert` does both; the audit reports series that mix the two.",
    ),
    "P02": (
        "Stored values taken for Hounsfield units",
        "Slope and intercept are Type 1 in a CT: without them, nothing states what a value means. Where they are "
        "ignored, everything is 1024 HU too dense.",
        "`gnomon convert` rescales each frame with its own slope and refuses a CT without one. The peaks of air and "
        "soft tissue reveal a lost intercept: where one usual intercept brings both to their values it is restored "
        "(`conversion.intercept=restore`); otherwise the audit reports it.",
    ),
    "P03": (
        "Signed values and HighBit",
        "Twelve bits may be stored at the top of sixteen. Seven of seven readers ignore HighBit and return values "
        "sixteen times too large; a wrong PixelRepresentation turns -1000 into 64,536.",
        "Pixels are decoded by the stated bits (`conversion.high_bit=decode`), and the sign is checked against the "
        "values.",
    ),
    "P04": (
        "One series is not one volume",
        "A scout, a second phase, a reformat: one SeriesInstanceUID may contain all of them. A reader that stacks "
        "them makes a patient who is too long, without notice.",
        "A series is split by every attribute that distinguishes its slices: size, orientation, kernel, energy, time, "
        "phase. Slices that nothing distinguishes are refused.",
    ),
    "P05": (
        "Slices in the wrong order",
        "File names and InstanceNumbers are not positions. Sorting by them shuffles the anatomy, and in a sagittal "
        "stack z is the same for all slices.",
        "Slices are sorted along their normal. Missing, uneven, duplicate and sheared slices are found from their "
        "distances.",
    ),
    "P06": (
        "Multi-frame files read in file order",
        "The order of frames is not the order in the patient: positions, slopes and times are in functional groups. "
        "The parts of a concatenation are spread over several files.",
        "Every frame becomes a slice with its own position and rescale, and is treated like a single-frame file.",
    ),
    "P07": (
        "Mixed reconstruction kernels",
        "The kernel determines noise and sharpness. Emphysema measured on B50f is three times that measured on B30f "
        "of the same scan; a network that sees sharp images for one class learns sharpness.",
        "Every vendor's string is parsed to a class with a confidence, an unknown one stays unknown, and the "
        "frequency of the noise is measured as well. `audit.kernels=[soft,medium]` accepts some classes; DCM304 "
        "compares splits and labels.",
    ),
    "P08": (
        "Images rotated by PatientPosition",
        "Positions and cosines already refer to the patient. Code that rotates a prone scan by PatientPosition rotates "
        "it away from its correct orientation; a wrongly entered position is never right.",
        "Geometry comes from the cosines alone. The audit compares table and spine with the declared position and, "
        "where there are label maps, left with right: a liver left of the spleen is rejected (DCM235).",
    ),
    "P09": (
        "CC for MLO, left for right",
        "Side and view of a mammogram are in several attributes, and any of them may be wrong or missing. They must be "
        "checked for each breast.",
        "Side and view are read from the standard's codes first, and compared with all other attributes, with the "
        "position of the breast in the image, and with the muscle that only an oblique view shows in its corner.",
    ),
    "P10": (
        "Windowing of stored values",
        "A window applies after slope and intercept. Applied before, it makes water white; by the header's own "
        "windows, slices of an MR differ at random.",
        "Volumes are kept in real-world values; training uses the window of its task. The audit finds images that "
        "were windowed before they were stored.",
    ),
    "P11": (
        "Detector size taken for patient size",
        "ImagerPixelSpacing is measured on the detector; PixelSpacing may be corrected to the plane of the patient. "
        "Using the wrong one makes every measurement 5 to 50 % too large.",
        "The audit reports the plane to which a pixel size refers, and whether it was calibrated.",
    ),
    "P12": (
        "Orientation tags ignored",
        "PixelSpacing lists rows first; arrays have columns first in one library and rows first in the next. A "
        "transposed patient has the liver at the back.",
        "One affine is computed from cosines, positions and spacing, exact for oblique and sheared stacks; a world "
        "ramp verifies it in every test run.",
    ),
    "P13": (
        "Thick and thin slices mixed",
        "Taking every twelfth slice aliases noise and edges into the image; interpolating thick slices makes none "
        "thinner. SliceThickness is not the distance between slices.",
        "Resampling is aligned at the edges and smooths first where it coarsens. The audit compares thickness with "
        "distance, and cohorts with each other.",
    ),
    "P14": (
        "No canonical orientation",
        "The first axis of an array is whatever the scanner chose. A network trained on axial stacks sees a sagittal "
        "one as noise.",
        "Every volume is brought to RAS+ by reordering alone, bit for bit, and back again for its prediction.",
    ),
    "P15": (
        "Clipping too early",
        "Clipping in the reader erases padding, metal and fat at once; what was lost can no longer be told from "
        "tissue.",
        "Nothing is clipped on reading. Training clips to the window of its plan; the audit finds values that "
        "accumulate at both ends of the range.",
    ),
    "P16": (
        "Contrast phases mixed or mislabelled",
        "To a network, a kidney before and after contrast medium are two different organs. Descriptions are copied "
        "from protocols, and clocks are wrong.",
        "The standard attribute, the timing of the bolus, words in five languages and the vessels of a label map are "
        "combined; where they disagree or are absent the phase is unknown. It is stored beside the data, never "
        "written into them.",
    ),
    "P17": (
        "Cardiac and respiratory phases mixed",
        "Systole and diastole in one volume make a heart that never existed. The tags that are often quoted for it do "
        "not exist either.",
        "Phases are read from the standard's attributes or from vendors' private ones; they split the series, and are "
        "compared with each other.",
    ),
    "P18": (
        "Private elements read by number",
        "A private number means nothing without its creator. Values that a vendor keeps private (b-values, scale "
        "slopes, mosaics) are lost in many exports.",
        "Private blocks are found by the name of their creator; elements without one are reported, and so are images "
        "that need a lost value.",
    ),
    "P19": (
        "Padding taken for tissue",
        "A frame of -2000 or -3024 is a quarter of the voxels: it dominates the normalisation, and the network learns "
        "the circle.",
        "Declared padding is masked by its bits and range. A frame that no header declares is found from its corners, "
        "and masked where no tissue can have its value (`conversion.undeclared_padding=mask`); padding inside the "
        "patient is reported.",
    ),
    "P20": (
        "Metrics in voxels",
        "An error of two voxels is 1.6 mm in plane and 10 mm across slices. Metrics on another grid than the "
        "reference's describe another organ.",
        "`gnomon evaluate` measures on the reference's own grid in millimetres, and refuses predictions on another "
        "grid.",
    ),
    "P21": (
        "Seeds that do not reproduce",
        "A seed for one generator leaves workers, kernels and restarts to chance: nobody can obtain the result again.",
        "Every draw is keyed by seed, stream, epoch, case and patch. A run killed at any point ends with the same hash "
        "of its weights; `gnomon compare runs=[A,B]` finds the first step that differs.",
    ),
    "P22": (
        "Only the largest component kept",
        "A rule for organs, applied to lesions, deletes findings: the largest one stays, and all others are lost.",
        "`gnomon postprocess fit` adopts a rule only where held-out patients show that it loses no more than a margin.",
    ),
    "P23": (
        "Cubic kernels for anisotropic voxels",
        "With 5 mm between slices, a 3 x 3 x 3 kernel covers six times as much across slices as in plane. Pooling "
        "every axis alike exhausts the short one.",
        "Kernels, strides and patch size follow the spacing (`--explain` gives the reason for each stage), as "
        "nnU-Net's do.",
    ),
    "P24": (
        "Checkpoints in git",
        "Weights in the history of a repository stay there for good, and hosts refuse files above 100 MB.",
        "Runs are stored outside the repository; the manifest with `weights_sha256` is what is committed. "
        "`.gitattributes` keeps large files out.",
    ),
    "P25": (
        "Lossy compression unnoticed",
        "A transfer syntax does not reveal it: JPEG 2000 may be either, near-lossless JPEG-LS looks like lossless, and "
        "pixels that were compressed with loss once remain so.",
        "Loss is established from the codestream, the header and the history together.",
    ),
    "P26": (
        "Screenshots and dose reports among images",
        "Secondary captures have five classes, and screen saves are stored under the class of the scanner's own "
        "images. Burned-in text names the patient.",
        "The audit looks for classes, flags, words, overlays, and marks that are identical in every slice; captures "
        "are refused.",
    ),
    "P27": (
        "Scouts and modalities mixed",
        "A projection in a folder of slices, an MR under a CT's header, a CT for attenuation correction among "
        "diagnostic ones.",
        "Class, modality, kernel, words and values must agree; a policy names the modalities that a task accepts.",
    ),
    "P28": (
        "Label leakage",
        "Patients with the disease were scanned with another kernel or at another site, or are in the training and the "
        "test set at once. The network is right for the wrong reason.",
        "`gnomon audit cases=cases.csv` reports header features that predict the label; patients, studies and images "
        "in several splits; and identifiers that remain in data declared de-identified.",
    ),
}
