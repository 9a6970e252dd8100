"""What the API returns about prompts."""

from pydantic import BaseModel, Field


class Prompt(BaseModel):
    """A prompt in effect."""

    name: str = Field(examples=["extract_graph.txt"])
    origin: str = Field(
        description="`collection`, `prompts.directory` (a folder of the installation) or `shipped`.",
        examples=["shipped"],
    )
    sha256: str
    characters: int
    text: str


class PromptNames(BaseModel):
    """The prompts that were set, or taken away."""

    names: list[str] = Field(examples=[["extract_graph.txt"]])


class Tuned(BaseModel):
    """What was found out about a collection, and which prompts were made of that."""

    collection: str
    domain: str
    language: str = Field(examples=["German"])
    entity_types: list[str] = Field(examples=[["judge", "statute"]])
    examples: int = Field(description="Passages of the collection that stand in the prompts as examples.")
    prompts: dict[str, str] = Field(description="The prompts that were made, by name.")
    llm: dict[str, int]
