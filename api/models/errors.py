"""The error object."""

from __future__ import annotations

from pydantic import BaseModel, Field

from meterfarm.api.error_kinds import ErrorType


class Error(BaseModel):
    """Why the request was refused."""

    error_type: ErrorType = Field(description="The class of the error.")
    error_code: str = Field(description="What a program decides by; each is explained at docs_url.")
    error_message: str = Field(description="One sentence for people: what is wrong, and what to do.")
    docs_url: str = Field(description="Where this code is explained.", json_schema_extra={"format": "uri"})
