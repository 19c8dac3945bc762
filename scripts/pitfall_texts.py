"""What each pitfall is, what goes wrong, how it is put right: the words of docs/pitfalls/."""

TEXTS: dict[str, tuple[str, str, str]] = {
    "P01": (
        "MONOCHROME1 read as a negative",
        "MONOCHROME1 says that a display shows the least value white. Code that inverts the stored values for it "
        "turns the air of a CT "
        "into metal, and a mixed cohort into two kinds of picture.",
        "Quantities (CT, MR, PET) keep their values. Images made for display are brought to MONOCHROME2, padding as "
        "a mask. "
        "`gnomon convert` does both; the audit names series that mix the two.",
    ),
    "P02": (
        "Stored values taken for Hounsfield units",
        "Slope and intercept are Type 1 in a CT: where they are missing, nothing says what a value means. Where "
        "they are skipped, "
        "everything is 1024 HU too dense.",
        "`gnomon convert` rescales each frame by its own slope and refuses a CT without one. Air and soft "
        "tissue show an intercept that was lost: where one usual intercept brings both home it is put back "
        "(`conversion.intercept=restore`), else the audit says so.",
    ),
    "P03": (
        "Signed values and HighBit",
        "Twelve bits may lie at the top of sixteen. Seven of seven readers ignore HighBit and return values sixteen "
        "times too large; "
        "a wrong PixelRepresentation turns -1000 into 64,536.",
        "Decoded by the stated bits (`conversion.high_bit=decode`), and the sign is checked against the values.",
    ),
    "P04": (
        "One series is not one volume",
        "A scout, a second phase, a reformat: one SeriesInstanceUID may hold them all, and a reader that stacks "
        "them makes a patient "
        "who is too long, silently.",
        "A series is split by what tells its slices apart: size, orientation, kernel, energy, time, phase. What "
        "nothing tells apart is refused.",
    ),
    "P05": (
        "Slices in the wrong order",
        "File names and InstanceNumbers are not places. Sorting by them shuffles the patient, and for sagittal "
        "stacks z is the same "
        "for all.",
        "Slices are sorted along their normal; missing, uneven, doubled and leaning ones are found by their distances.",
    ),
    "P06": (
        "Multi-frame files read as they lie",
        "The order of frames is not that of the patient: places, slopes and times are in functional groups. Parts "
        "of a concatenation "
        "are spread over files.",
        "Every frame becomes a slice with its own place and transform, and goes the same way as a single file.",
    ),
    "P07": (
        "Kernels mixed",
        "The kernel sets noise and sharpness. Emphysema measured on B50f is three times that on B30f of the same "
        "scan; a net that sees "
        "sharp images for one class learns sharpness.",
        "Every vendor's string is parsed to a class with a confidence, unknown stays unknown, and the grain of the "
        "noise is measured beside "
        "it. `audit.kernels=[soft,medium]` accepts some; DCM304 compares splits and labels.",
    ),
    "P08": (
        "Prone taken for turned",
        "Positions and cosines are the patient's already. Code that turns a prone scan by PatientPosition turns it "
        "away from where it "
        "was right; a wrongly entered position is right nowhere.",
        "Geometry comes from the cosines alone. The audit compares table and spine with the declared "
        "position, and where there are label maps, left with right: a liver left of the spleen is rejected (DCM235).",
    ),
    "P09": (
        "CC for MLO, left for right",
        "Side and view stand in several attributes, and any of them may be wrong or missing. The check must be per "
        "breast.",
        "Side and view are read from the standard's codes first, compared with all others, with where the breast "
        "lies in the picture, and with the muscle that only an oblique view has in its corner.",
    ),
    "P10": (
        "Windowing of stored values",
        "A window is defined after slope and intercept. Before them, water is white; by the header's own windows, "
        "slices of an MR differ "
        "at random.",
        "Volumes are kept in real-world values; a training uses its task's window. The audit finds images that were "
        "windowed before they "
        "were stored.",
    ),
    "P11": (
        "Detector size taken for patient size",
        "ImagerPixelSpacing is measured on the detector, PixelSpacing may be corrected to the patient. Taking the "
        "wrong one makes everything "
        "5 to 50 % too large.",
        "The audit says which plane a size belongs to, and whether it was calibrated.",
    ),
    "P12": (
        "Orientation tags ignored",
        "PixelSpacing is rows first; arrays are columns first in one library and rows first in the next. A "
        "transposed patient has the "
        "liver at the back.",
        "One affine from cosines, positions and spacing, exact for oblique and sheared stacks; a world ramp proves "
        "it in every test run.",
    ),
    "P13": (
        "Thick and thin slices mixed",
        "Taking every twelfth slice folds noise and edges into the picture; interpolating thick slices makes none "
        "thinner. SliceThickness is "
        "not the distance.",
        "Resampling is aligned on edges and smooths first where it coarsens. The audit compares thickness with "
        "distance, and cohorts with "
        "each other.",
    ),
    "P14": (
        "No canonical orientation",
        "The first axis of an array is whatever the scanner liked. A net trained on axial stacks sees a sagittal "
        "one as noise.",
        "Every volume is brought to RAS+ by reordering alone, to the bit, and back for its prediction.",
    ),
    "P15": (
        "Clipping too early",
        "Clipping in the reader erases padding, metal and fat in one go; what was lost cannot be told from tissue.",
        "Nothing is clipped on the way in. Training clips by the plan's window; the audit finds crowds at both ends.",
    ),
    "P16": (
        "Contrast phases mixed or mislabelled",
        "A kidney before contrast and after it are two organs for a net. Descriptions are copied from protocols, "
        "clocks are wrong.",
        "Standard attribute, bolus timing, words in five languages and the vessels of a label map are fused; "
        "where they disagree or are "
        "silent the phase is unknown. It is stored beside the data, never written into them.",
    ),
    "P17": (
        "Heart and breath phases mixed",
        "Systole and diastole in one volume make a heart that never was. The tags that are often quoted for it do "
        "not exist.",
        "Phases come from the standard's attributes or vendors' private ones, split the series, and are compared "
        "with each other.",
    ),
    "P18": (
        "Private elements read by number",
        "A private number means nothing without its creator. Values that a vendor keeps private (b-values, scale "
        "slopes, mosaics) are "
        "lost by many exports.",
        "Private blocks are found by their creator's name; elements without one are told, and images that need a "
        "lost value too.",
    ),
    "P19": (
        "Padding taken for tissue",
        "A frame of -2000 or -3024 is a quarter of the voxels: normalisation follows it, and the net learns the "
        "circle.",
        "Declared padding is masked by its bits and range. A frame that no header declares is found by its corners, "
        "and masked where no tissue can have its value (`conversion.undeclared_padding=mask`); padding inside the "
        "patient is told.",
    ),
    "P20": (
        "Metrics in voxels",
        "Two voxels off is 1.6 mm in plane and 10 mm across slices. Metrics on another grid than the reference's "
        "are of another organ.",
        "`gnomon evaluate` measures on the reference's own grid in millimetres, and refuses what does not fit.",
    ),
    "P21": (
        "Seeds that do not repeat",
        "A seed for one generator leaves workers, kernels and restarts to chance: nobody can run the result again.",
        "Every draw is keyed by seed, stream, epoch, case and patch. A run killed anywhere ends with the same "
        "weight hash; "
        "`gnomon compare runs=[A,B]` finds the first step that differs.",
    ),
    "P22": (
        "The largest component kept",
        "A rule for organs, applied to lesions, deletes findings: one was the largest, the others are gone.",
        "`gnomon postprocess fit` adopts a rule only where it was shown to lose no more than a margin on "
        "held-out patients.",
    ),
    "P23": (
        "Cubic kernels for flat voxels",
        "With 5 mm between slices a 3 x 3 x 3 kernel looks six times as far across as within. Pooling every axis "
        "alike ends the short one.",
        "Kernels, strides and patch follow the spacing (`--explain` says why, stage by stage), as nnU-Net's do.",
    ),
    "P24": (
        "Checkpoints in git",
        "Weights in a repository's history stay there for good, and hosts refuse files above 100 MB.",
        "Runs lie outside the repository; what is committed is the manifest with `weights_sha256`. `.gitattributes` "
        "keeps large files out.",
    ),
    "P25": (
        "Lossy compression unnoticed",
        "A transfer syntax does not tell: JPEG 2000 may be either, JPEG-LS near-lossless says nothing, and pixels "
        "once lossy stay so.",
        "Loss is proved from the codestream, the header and the history together.",
    ),
    "P26": (
        "Screenshots and dose reports among images",
        "Secondary captures come in five classes, and screen saves under the class of the scanner's own images. "
        "Burned-in text names the patient.",
        "Classes, flags, words, overlays and strokes that every slice has are looked for; captures are refused.",
    ),
    "P27": (
        "Scouts and modalities mixed",
        "A projection in a folder of slices, an MR under a CT's header, an attenuation CT among diagnostic ones.",
        "Class, modality, kernel, words and values must agree; a policy names the modalities that a task takes.",
    ),
    "P28": (
        "The label leaks",
        "The ill were scanned with another kernel, at another site, or stand in train and test at once. The net is "
        "right for the wrong reason.",
        "`gnomon audit cases=cases.csv`: any header feature that predicts the label, patients, studies and "
        "pictures on both sides, "
        "identifiers left in data declared de-identified.",
    ),
}
