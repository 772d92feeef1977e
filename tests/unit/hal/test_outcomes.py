"""What ended an agent is judged by the exceptions behind it: the provider's are told from its own."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from batt.hal.outcomes import RULES, Outcome, Raised, classify, hal_text, read_chain
from batt.hal.run_agent import chain_of, describe

OWN, LATER, NEVER = Outcome.AGENT_ERROR, Outcome.PROVIDER_TRANSIENT, Outcome.AUTH_OR_QUOTA


def error(name: str, module: str, *bases: type, text: str = "", **attributes: object) -> Exception:
    """An exception of a library that is not installed."""
    kind = type(name, bases or (Exception,), {"__module__": module})
    made = kind(text)
    for key, value in attributes.items():
        setattr(made, key, value)
    assert isinstance(made, Exception)
    return made


class Holder:
    """A response, or a request, of an HTTP client."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


def openai(name: str, status: int | None = None, code: str | None = None, text: str = "") -> Exception:
    """An exception as the package openai raises them: APITimeoutError is an APIConnectionError, and so on."""
    base = error("OpenAIError", "openai").__class__
    api = error("APIError", "openai", base).__class__
    bases = {"APITimeoutError": (error("APIConnectionError", "openai", api).__class__,)}.get(name, (api,))
    request = Holder(url="https://api.openai.com/v1/chat/completions")
    attributes: dict[str, object] = {"code": code, "request": request}
    if status is not None:
        attributes |= {"status_code": status, "response": Holder(status_code=status, request=request)}
    return error(name, "openai", *bases, text=text, **attributes)


def outcome_of(raised: BaseException) -> Outcome:
    """What an exception comes to, by way of the note that run_agent.py writes."""
    return classify(read_chain(json.loads(json.dumps([describe(one) for one in chain_of(raised)]))))


def caught(act: Callable[[], object]) -> BaseException:
    try:
        act()
    except BaseException as raised:  # noqa: BLE001 # it is what is wanted
        return raised
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_rule(outcome: Outcome) -> None:
    rule = RULES[outcome]

    assert rule.when
    assert rule.then
    assert rule.is_stored or not rule.retried_at_once


def test_only_a_provider_that_may_answer_later_is_asked_again() -> None:
    assert [outcome for outcome in Outcome if RULES[outcome].retried_at_once] == [LATER]
    assert [outcome for outcome in Outcome if not RULES[outcome].is_stored] == [NEVER, Outcome.INFRA]
    assert list(RULES) == list(Outcome)


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (openai("RateLimitError", 429, "rate_limit_exceeded"), LATER),
        (openai("RateLimitError", 429, "insufficient_quota"), NEVER),
        (openai("RateLimitError", 429, None, "Error code: 429 - {'code': 'insufficient_quota'}"), NEVER),
        (openai("AuthenticationError", 401, "invalid_api_key"), NEVER),
        (openai("PermissionDeniedError", 403), NEVER),
        (openai("APIStatusError", 402), NEVER),
        (openai("APIConnectionError"), LATER),
        (openai("APITimeoutError"), LATER),
        (openai("InternalServerError", 500), LATER),
        (openai("InternalServerError", 503), LATER),
        (openai("APIStatusError", 408), LATER),
        (openai("BadRequestError", 400, "context_length_exceeded"), OWN),
        (openai("NotFoundError", 404, "model_not_found"), OWN),
        (openai("UnprocessableEntityError", 422), OWN),
        (openai("APIResponseValidationError", 200), OWN),
        (error("OverloadedError", "anthropic", status_code=529), LATER),
        (
            error("BadRequestError", "anthropic", status_code=400, text="Your credit balance is too low to access"),
            NEVER,
        ),
        (error("ServerError", "google.genai.errors", code=503), LATER),
        (error("ClientError", "google.genai.errors", code=400), OWN),
        (error("Timeout", "litellm.exceptions", status_code=408), LATER),
        (error("HfHubHTTPError", "huggingface_hub.errors", response=Holder(status_code=429)), LATER),
        (error("MyError", "agent", type(openai("RateLimitError", 429))), LATER),
    ],
    ids=repr,
)
def test_a_providers_exceptions_are_told_apart(raised: Exception, outcome: Outcome) -> None:
    assert outcome_of(raised) == outcome


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("HTTP 429: rate limit, 503 service unavailable, insufficient_quota"),
        error("NetworkXError", "networkx.exception", text="connection timed out"),
        error("RateLimitError", "agent", status_code=429),
        error("OperationalError", "psycopg2", text="connection refused"),
        ConnectionError("reset by peer"),
        TimeoutError("timed out"),
        KeyError("insufficient_quota"),
        SystemExit(3),
        KeyboardInterrupt(),
        MemoryError(),
        RecursionError(),
    ],
    ids=repr,
)
def test_words_make_no_provider(raised: BaseException) -> None:
    assert outcome_of(raised) == OWN


def raise_from() -> None:
    try:
        raise openai("RateLimitError", 429)
    except Exception as cause:
        raise RuntimeError("the agent gave up") from cause


def raise_meanwhile() -> None:
    try:
        raise openai("RateLimitError", 429)
    except Exception:  # noqa: BLE001 # as agents do it
        raise RuntimeError("the agent gave up")  # noqa: B904


def raise_from_none() -> None:
    try:
        raise openai("RateLimitError", 429)
    except Exception:  # noqa: BLE001 # as agents do it
        raise RuntimeError("it does not matter why") from None


def raise_from_another() -> None:
    try:
        raise openai("RateLimitError", 429)
    except Exception:  # noqa: BLE001 # as agents do it
        raise RuntimeError from ValueError("the true reason")


def raise_after() -> None:
    try:
        raise openai("RateLimitError", 429)
    except Exception:  # noqa: BLE001 # as agents do it
        pass
    raise RuntimeError("something else")


def exit_meanwhile() -> None:
    try:
        raise openai("AuthenticationError", 401)
    except Exception:  # noqa: BLE001 # as agents do it
        raise SystemExit(1)  # noqa: B904


def raise_deep() -> None:
    try:
        raise_from()
    except Exception as cause:
        raise KeyError("deeper") from cause


def raise_group() -> None:
    raise ExceptionGroup("tasks", [ValueError(), ExceptionGroup("more", [openai("APITimeoutError"), KeyError()])])


def raise_worst() -> None:
    raise ExceptionGroup("tasks", [openai("RateLimitError", 429), openai("AuthenticationError", 401)])


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        (raise_from, LATER),
        (raise_meanwhile, LATER),
        (raise_from_none, OWN),
        (raise_from_another, OWN),
        (raise_after, OWN),
        (exit_meanwhile, NEVER),
        (raise_deep, LATER),
        (raise_group, LATER),
        (raise_worst, NEVER),
    ],
)
def test_what_stands_behind_an_exception_counts_unless_the_agent_says_no(
    act: Callable[[], None], outcome: Outcome
) -> None:
    assert outcome_of(caught(act)) == outcome


def test_chains_that_go_in_circles_or_on_for_ever_have_an_end() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    last: Exception = ValueError()
    for number in range(100):
        following = ValueError(number)
        following.__cause__, last = last, following

    assert list(chain_of(first)) == [first, second]
    assert len(list(chain_of(last))) == 20


def test_an_exception_that_counts_as_false_is_in_the_chain() -> None:
    class Empty(Exception):  # noqa: N818 # a stranger's
        def __len__(self) -> int:
            return 0

    first, cause = ValueError(), Empty()
    first.__cause__ = cause

    assert list(chain_of(first)) == [first, cause]


def client_error(name: str, module: str, url: str, *bases: type, status: int | None = None) -> Exception:
    """As requests has it: the request is with the error, the status with a response, if there was one."""
    request = Holder(url=url)
    response = None if status is None else Holder(status_code=status, request=request, url=url)
    return error(name, module, *bases, request=request, response=response)


def bedrock(code: str, status: int, operation: str = "Converse") -> Exception:
    """As botocore has it: one class for all services, made at run time; what was wrong is in a dictionary."""
    response = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    base = type(error("ClientError", "botocore.exceptions"))
    return error(code, "botocore.errorfactory", base, response=response, operation_name=operation)


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (bedrock("ThrottlingException", 429), LATER),
        (bedrock("ServiceUnavailableException", 503, "InvokeModel"), LATER),
        (bedrock("ModelTimeoutException", 408, "ConverseStream"), LATER),
        (bedrock("AccessDeniedException", 403), NEVER),
        (bedrock("ExpiredTokenException", 403), NEVER),
        (bedrock("ServiceQuotaExceededException", 400), NEVER),
        (bedrock("ValidationException", 400), OWN),
        (bedrock("SlowDown", 503, "PutObject"), OWN),
        (
            error(
                "EndpointConnectionError", "botocore.exceptions", type(error("ConnectionError", "botocore.exceptions")),
                kwargs={"endpoint_url": "https://bedrock-runtime.us-east-1.amazonaws.com/model/x/converse"},
            ),
            LATER,
        ),
        (
            error(
                "EndpointConnectionError", "botocore.exceptions", type(error("ConnectionError", "botocore.exceptions")),
                kwargs={"endpoint_url": "https://bucket.s3.amazonaws.com/"},
            ),
            OWN,
        ),
    ],
    ids=repr,
)  # fmt: skip
def test_bedrocks_errors_are_a_providers_and_s3s_are_not(raised: Exception, outcome: Outcome) -> None:
    assert outcome_of(raised) == outcome


GATEWAY = "http://gateway.batt:8080/v1"


@pytest.mark.parametrize(
    ("url", "is_providers"),
    [
        ("https://api.openai.com/v1/models", True),
        ("https://API.OpenAI.com:443/v1", True),
        ("https://api.anthropic.com/v1/messages", True),
        ("https://us-central1-aiplatform.googleapis.com/v1", True),
        ("https://mine.openai.azure.com/openai", True),
        (f"{GATEWAY}/chat/completions", True),
        ("https://mine.example/v1/x", True),
        ("http://gateway.batt:9200/search", False),
        ("http://gateway.batt/v1", False),
        ("https://storage.googleapis.com/bucket", False),
        ("https://api.openai.com.evil.example/", False),
        ("https://notapi.openai.com/", False),
        ("https://en.wikipedia.org/wiki/503", False),
        ("http://[broken", False),
        ("", False),
    ],
)
def test_plain_clients_errors_count_where_the_host_is_a_providers(
    monkeypatch: pytest.MonkeyPatch, url: str, is_providers: bool
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", GATEWAY)
    monkeypatch.setenv("AZURE_API_BASE", "https://mine.example")
    monkeypatch.setenv("BROKEN_BASE_URL", "http://[broken")
    monkeypatch.setenv("EMPTY_BASE_URL", "")
    outcomes = [
        outcome_of(client_error("HTTPError", "requests.exceptions", url, status=503)),
        outcome_of(client_error("HTTPStatusError", "httpx", url, status=429)),
        outcome_of(client_error("ConnectionError", "requests.exceptions", url)),
        outcome_of(client_error("ConnectError", "httpx", url, type(error("TransportError", "httpx")))),
        outcome_of(
            client_error("ReadTimeout", "requests.exceptions", url, type(error("Timeout", "requests.exceptions")))
        ),
        outcome_of(error("HTTPError", "urllib.error", code=503, url=url)),
        outcome_of(error("ClientResponseError", "aiohttp", status=503, request_info=Holder(real_url=url))),
    ]

    assert outcomes == [LATER if is_providers else OWN] * 7


def test_a_plain_clients_status_tells_what_a_provider_means() -> None:
    url = "https://api.openai.com/v1"

    assert outcome_of(client_error("HTTPError", "requests.exceptions", url, status=401)) == NEVER
    assert outcome_of(client_error("HTTPError", "requests.exceptions", url, status=404)) == OWN
    assert outcome_of(client_error("JSONDecodeError", "requests.exceptions", url)) == OWN


class Hostile(Exception):  # noqa: N818 # a stranger's
    """Whatever one asks of it goes wrong."""

    def __getattribute__(self, name: str) -> object:
        if name in {"response", "request", "url", "code", "status", "status_code", "http_status", "exceptions"}:
            raise SystemExit(name)
        return super().__getattribute__(name)

    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


def test_of_an_exception_that_cannot_be_asked_something_is_told() -> None:
    told = describe(Hostile())

    assert told["text"] == "<Hostile whose text cannot be had: KeyboardInterrupt>"
    assert outcome_of(Hostile()) == OWN


def test_long_texts_are_cut_and_odd_ones_can_be_stored() -> None:
    told = describe(ValueError("\udcff" + "x" * 10**6))

    assert len(told["text"]) == 2000
    assert read_chain(json.loads(json.dumps([told])))[0].names[0] == "ValueError"


RAISED = {"names": ["A", "B"], "modules": ["m"], "status": 1, "code": "c", "text": "t", "is_provider": False}


@pytest.mark.parametrize(
    ("note", "chain"),
    [
        ([RAISED], [Raised(["A", "B"], ["m"], 1, "c", "t", False)]),
        ([RAISED | {"status": None, "more": 1}], [Raised(["A", "B"], ["m"], None, "c", "t", False)]),
        ([RAISED | {"names": ["A", 1, None]}], [Raised(["A"], ["m"], 1, "c", "t", False)]),
        ([1, None, [], {}, RAISED | {"status": "1"}, RAISED | {"names": "A"}, RAISED | {"text": None}], []),
        (None, []),
        ({"names": []}, []),
        ("text", []),
        (1.5, []),
    ],
)
def test_a_note_that_the_agent_has_written_itself_says_only_what_it_can(note: object, chain: list[Raised]) -> None:
    assert read_chain(note) == chain


def test_without_any_exception_it_is_the_agents_error() -> None:
    assert classify([]) == OWN


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome.TIMEOUT, "ERROR: Task timed out after 2700 seconds"),
        (Outcome.AGENT_ERROR, "ERROR: why"),
        (Outcome.INVALID_OUTPUT, "ERROR: invalid_output: why"),
        (Outcome.PROVIDER_TRANSIENT, "ERROR: provider_transient: why"),
    ],
)
def test_hal_tries_again_what_has_failed(outcome: Outcome, text: str) -> None:
    assert hal_text(outcome, "why", 2700.0) == text
