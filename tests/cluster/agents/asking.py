"""An agent as HAL's users write them: asks a model by the package openai, which finds it by OPENAI_BASE_URL."""

from __future__ import annotations

from typing import Any

from openai import OpenAI  # type: ignore[import-not-found] # where it runs, its requirements are installed


def run(input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:  # noqa: A002 # HAL calls it so
    """Return what the model answers."""
    assert "model_name" in kwargs, "model_name is required"
    task_id = next(iter(input))
    response = OpenAI().chat.completions.create(
        model=kwargs["model_name"], messages=[{"role": "user", "content": input[task_id]["prompt"]}]
    )
    return {task_id: response.choices[0].message.content}
