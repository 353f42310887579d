"""The problem document as the OpenAPI document describes it."""

from pydantic import BaseModel, Field


class ProblemDocument(BaseModel):
    """What every error answers with. All four fields are always there."""

    code: str = Field(description="Which kind of error it is; stable, for programs.", examples=["not_found"])
    message: str = Field(description="What happened, in one sentence.")
    hint: str | None = Field(description="What to do about it.")
    incident: str | None = Field(description="The number by which whoever runs this installation finds it in the log.")
