"""What counts as drift."""

from pydantic import Field

from rarecall.sections.section import Section, Share


class Drift(Section):
    """What a shift must show before it is told; it explains an alarm and opens a ticket, it never pages."""

    alpha: float = Field(
        0.05,
        gt=0.0,
        le=0.5,
        description="Probability at most that a comparison tells of any shift while there is none.",
    )
    psi: float = Field(
        0.1, gt=0.0, le=10.0, description="Population stability index that a shift must reach, as by custom."
    )
    min_rows: int = Field(30, ge=5, description="Groups with fewer rows, now or in the reference, are not tested.")
    estimate_confidence: Share = Field(0.95, gt=0.5, lt=1.0, description="Of the expected recall's intervals.")
