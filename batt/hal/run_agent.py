"""Runs an agent on the one task of its working directory, as HAL's own run_agent.py does; batt puts it there.

Stands alone (standard library only, Python 3.9). Reads input.json, agent_args.json and AGENT_FUNCTION; writes
output.json when the function returns, error.log when it raises. Task and arguments are data in files: no text of theirs
is program. Source of the contract: hal/agents/README.md, hal/utils/local_runner.py.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import site
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

INPUT, ARGUMENTS, OUTPUT, PART, ERROR = "input.json", "agent_args.json", "output.json", "output.json.part", "error.log"
"""Files of the contract; an output has another name until it is whole."""

NOTE = ".batt-error.json"
"""What ended the agent, for whoever decides whether to try again; written next to error.log."""

SITE_VARIABLE = "BATT_SITE"
"""Variable with the folder of the agent's requirements: its .pth files are to be processed, as those of any other."""

CHAIN = 20
"""Most exceptions of a chain that are told."""

TEXT = 2000
"""Most characters of an exception's text that are told."""

API_HOSTS = (
    "-aiplatform.googleapis.com",
    ".api.anthropic.com",
    ".api.deepseek.com",
    ".api.groq.com",
    ".api.mistral.ai",
    ".api.openai.com",
    ".api.together.xyz",
    ".api.x.ai",
    ".generativelanguage.googleapis.com",
    ".openai.azure.com",
    ".openrouter.ai",
)
"""How the hosts of providers end, beside what variables of ENDPOINTS name."""

MODEL_OPERATIONS = ("Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream")
"""Operations of AWS that ask a model: botocore has one class of errors for all of its services."""

BEDROCK = re.compile(r"bedrock-runtime[a-z0-9.-]*\.amazonaws\.com")
"""Hosts of AWS where models are."""

ENDPOINTS = ("_BASE_URL", "_API_BASE", "OPENAI_ENDPOINT")
"""Ends of the names of variables by which an agent is told where its provider is."""


def load_function(name: str, folder: str) -> Callable[..., Any]:
    """Return `module.function` from a file of a folder; the module is in no registry, as with HAL."""
    module_name, _, function_name = name.rpartition(".")
    path = os.path.join(folder, module_name + ".py")
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[..., Any] = getattr(module, function_name)
    return function


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, what it was raised from, or while handling which, and what it is a group of."""
    waiting, seen = [error], list[BaseException]()
    while waiting and len(seen) < CHAIN:
        one = waiting.pop(0)
        if any(one is other for other in seen):
            continue
        seen.append(one)
        yield one
        before = one.__context__ if one.__cause__ is None and not one.__suppress_context__ else one.__cause__
        members = attribute(one, "exceptions")
        waiting += [] if before is None else [before]
        waiting += (
            [other for other in members if isinstance(other, BaseException)] if isinstance(members, tuple) else []
        )


def describe(error: BaseException) -> dict[str, Any]:
    """Return what is told of one exception."""
    response = attribute(error, "response")
    code = attribute(error, "code") or item(response, "Error", "Code")
    numbers = [attribute(error, name) for name in ("status_code", "http_status", "status")]
    numbers += [code, attribute(response, "status_code"), item(response, "ResponseMetadata", "HTTPStatusCode")]
    return {
        "names": [one.__name__ for one in type(error).__mro__],
        "modules": sorted({str(one.__module__).partition(".")[0] for one in type(error).__mro__}),
        "status": next((int(one) for one in numbers if isinstance(one, int) and not isinstance(one, bool)), None),
        "code": code if isinstance(code, str) else "",
        "text": text_of(error)[:TEXT],
        "is_provider": is_provider(url_of(error)) or attribute(error, "operation_name") in MODEL_OPERATIONS,
    }


def attribute(holder: object, name: str) -> Any:
    """Return an attribute, None where there is none, or it cannot be had: those of strangers may do what they like."""
    try:
        return getattr(holder, name, None)
    except BaseException:  # noqa: BLE001 # httpx raises RuntimeError where an error has no request
        return None


def item(holder: object, *names: str) -> Any:
    """Return what lies at a path in nested dictionaries, None where nothing does."""
    for name in names:
        holder = holder.get(name) if type(holder) is dict else None  # those of strangers may do what they like
    return holder


def text_of(error: object) -> str:
    """Return an exception's text; classes of strangers may fail at that too."""
    try:
        return str(error)
    except BaseException as failure:  # noqa: BLE001 # whatever a stranger's __str__ raises
        return f"<{type(error).__name__} whose text cannot be had: {type(failure).__name__}>"


def url_of(error: BaseException) -> str:
    """Return the URL that a plain HTTP client's exception is about; empty where it tells none."""
    for holder in (error, attribute(error, "response")):
        request = attribute(holder, "request")
        urls = [attribute(request, "url"), attribute(holder, "url")]
        urls.append(attribute(attribute(holder, "request_info"), "real_url"))  # aiohttp's
        urls.append(item(attribute(holder, "kwargs"), "endpoint_url"))  # botocore's
        for url in urls:
            if place_of(text_of(url))[0]:
                return text_of(url)
    return ""


def place_of(url: str) -> tuple[str, int | None]:
    """Return host and port of a URL; an empty host where it has none."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", None


def is_provider(url: str) -> bool:
    """Tell whether a URL is one of a model's provider that is well known, or that this agent is set up for."""
    place = place_of(url)
    named = [place_of(value) for name, value in os.environ.items() if name.endswith(ENDPOINTS)]
    is_known = f".{place[0]}".endswith(API_HOSTS) or BEDROCK.fullmatch(place[0]) is not None
    return bool(place[0]) and (place in named or is_known)


def write_error(error: BaseException, folder: str) -> None:
    """Write error.log, and the note; an output that the agent has written itself does not count."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(folder, OUTPUT))
    with open(os.path.join(folder, ERROR), "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"ERROR: {text_of(error)}\n")
        traceback.print_exception(type(error), error, error.__traceback__, file=file)
    with open(os.path.join(folder, NOTE), "w", encoding="utf-8") as file:
        json.dump([describe(one) for one in chain_of(error)], file)


def read_json(folder: str, name: str) -> Any:
    """Return what a file of the contract holds."""
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


def exit_code(error: BaseException) -> int:
    """Return the exit code of a program that ends by an exception, as Python has it."""
    if not isinstance(error, SystemExit):
        return 1
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1


def main() -> int:
    """Run the agent; return the exit code."""
    folder = os.getcwd()  # the agent may leave it
    task, arguments = read_json(folder, INPUT), read_json(folder, ARGUMENTS)
    try:
        if folder not in sys.path:  # PYTHONSAFEPATH is set
            sys.path.insert(0, folder)
        if os.environ.get(SITE_VARIABLE):
            site.addsitedir(os.environ[SITE_VARIABLE])
        result = load_function(os.environ["AGENT_FUNCTION"], folder)(task, **arguments)
        text = json.dumps(result)
    except BaseException as error:  # noqa: BLE001 # the agent ends here: SystemExit and KeyboardInterrupt are ends too
        code = exit_code(error)
        if code:
            try:
                write_error(error, folder)
            finally:
                traceback.print_exception(type(error), error, error.__traceback__)
        return code
    part = os.path.join(folder, PART)
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, os.path.join(folder, OUTPUT))  # whole or not at all: its presence says that the agent is done
    return 0


if __name__ == "__main__":
    sys.exit(main())
