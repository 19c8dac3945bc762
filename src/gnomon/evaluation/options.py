"""How each structure is measured, from the settings of the evaluation."""

from __future__ import annotations

from gnomon.evaluation.mask_pair import MeasureOptions
from gnomon.settings import EvaluateSettings


def options_for(settings: EvaluateSettings, structure: str) -> MeasureOptions:
    """How a structure is measured."""
    return MeasureOptions(
        tolerance_mm=(settings.tolerances_mm or {}).get(structure, settings.tolerance_mm),
        engine=settings.engine,
        boundary_mm=settings.boundary_mm,
        tubular=structure in settings.tubes,
        lesions=settings.lesions if structure in settings.lesions.labels else None,
    )
