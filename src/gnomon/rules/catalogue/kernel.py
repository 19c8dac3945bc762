"""Reconstruction kernels of CT."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Needs, Rule, Scope

NO_KERNEL = Rule(
    id="DCM301",
    slug="kernel.missing",
    title="No reconstruction kernel",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="ConvolutionKernel",
    remedy="Ask the site, or use the measured sharpness.",
    harm=(
        "The kernel determines noise and sharpness: emphysema measured with B50f is three times that "
        "measured with B30f."
    ),
    standard="PS3.3 C.8.2.1, (0018,1210)",
    pitfall="P07",
)
UNKNOWN_KERNEL = Rule(
    id="DCM302",
    slug="kernel.unknown",
    title="Unknown reconstruction kernel",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="a kernel of docs/vendors.md",
    remedy="Use the measured sharpness.",
    harm="It cannot be compared with other kernels.",
    standard="vendors' manuals",
    pitfall="P07",
)
MIXED_KERNELS = Rule(
    id="DCM303",
    slug="kernel.mixed",
    title="Several kernels in one series",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="one kernel per series",
    remedy="Check which of the volumes you want: the series was split by kernel.",
    harm="Part of the slices is sharper than the rest.",
    standard="PS3.3 C.8.2.1",
    pitfall="P07",
)
ITERATIVE = Rule(
    id="DCM305",
    slug="kernel.iterative",
    title="Iterative or deep-learning reconstruction",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="filtered back projection",
    remedy="Keep such images apart, or train on both kinds.",
    harm="Texture is smoother than the kernel's name suggests.",
    standard="vendor",
    pitfall="P07",
)
KERNEL_SHARPNESS = Rule(
    id="DCM306",
    slug="kernel.sharpness-conflict",
    title="Kernel name contradicts the measured sharpness",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected=(
        "mean noise frequency of at most {tolerance} per mm for a soft kernel, of at least half of that for a sharp one"
    ),
    remedy="Trust the pixels, and ask for the correct header.",
    harm="The header was copied from another reconstruction.",
    standard="noise power spectrum, IEC 61223-3-5",
    pitfall="P07",
    needs=Needs.PIXELS,
    tolerance=0.45,
    unit="1/mm",
)
KERNEL_NOT_ACCEPTED = Rule(
    id="DCM307",
    slug="kernel.not-accepted",
    title="Kernel that the policy does not accept",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="one of the policy's kernels",
    remedy="Ask for the accepted reconstruction of the same scan.",
    harm="The task is defined on another sharpness.",
    standard="audit policy",
    pitfall="P07",
)
