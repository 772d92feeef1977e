"""Secrets are taken out of texts in every form in which they stand there, and nothing else is."""

from __future__ import annotations

import base64
import json
import random
import time
from urllib.parse import quote, quote_plus

import pytest

from batt.hal.redact import Redactor, secrets_of

KEY = "sk-Ab/9+ä\"\\ 'x"
"""A secret that is written otherwise in JSON and in URLs."""


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        json.dumps(KEY),
        json.dumps(KEY, ensure_ascii=False),
        json.dumps({"headers": [f"Bearer {KEY}"]}),
        quote(KEY),
        quote(KEY, safe=""),
        quote_plus(KEY),
        f"https://user:{quote(KEY, safe='')}@host/",
    ],
)
def test_a_secret_goes_in_every_form(form: str) -> None:
    redacted = Redactor({"SOME_KEY": KEY}).text(f"before {form} after {form}")

    assert "Ab" not in redacted
    assert redacted.count("[SOME_KEY]") == 2
    assert redacted.startswith("before ")


def test_texts_without_secrets_stay_as_they_are() -> None:
    texts = ["", "nothing here", "sk-A", "\x00\udcff", "sk-ab/9+ä"]

    assert [Redactor({"K": KEY}).text(text) for text in texts] == texts
    assert [Redactor({}).text(text) for text in texts] == texts


def test_the_line_end_of_a_secrets_file_is_no_part_of_it() -> None:
    redactor = Redactor({"TOKEN": "abcdef123\n"})

    assert redactor.text("Bearer abcdef123, abcdef123\n") == "Bearer [TOKEN], [TOKEN]\n"


@pytest.mark.parametrize("value", ["", "1", "test", "abcde", "  abc  "])
def test_short_values_are_left_alone(value: str) -> None:
    assert Redactor({"K": value}).text(f"a {value} b") == f"a {value} b"


def test_of_secrets_that_begin_alike_the_longest_goes() -> None:
    redactor = Redactor({"A": "secret", "B": "secret-long", "C": "my-secret"})

    assert redactor.text("secret secret-long my-secret secret-lon") == "[A] [B] [C] [A]-lon"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("-abcdefghij-", "-[A]-"),
        ("-abcdefgh-", "-[A]gh-"),
        ("-efghijklmn-", "-[B]-"),
        ("-abcdefghijklmn-", "-[A]-"),
        ("-abcdef-efghij-", "-[A]-[B]-"),
        ("abcdefabcdefghij", "[A][A]"),
    ],
)
def test_of_secrets_that_overlap_nothing_is_left(text: str, redacted: str) -> None:
    assert Redactor({"A": "abcdef", "B": "efghij", "C": "ijklmn"}).text(text) == redacted


def test_a_secret_in_a_secret_of_another_name_goes_with_it() -> None:
    assert Redactor({"URL": "db://me:password@host", "PASSWORD": "password"}).text("db://me:password@host") == "[URL]"


def test_equal_secrets_have_the_first_name() -> None:
    assert Redactor({"A": "secret", "B": "secret"}).text("secret") == "[A]"


def test_bytes_that_are_no_text_stay_as_they_are_around_secrets() -> None:
    rng = random.Random(0)
    noise = rng.randbytes(100_000)

    assert Redactor({"K": "secret-key"}).data(noise + b"secret-key" + noise) == noise + b"[K]" + noise
    assert Redactor({}).data(noise) == noise


def test_a_secret_of_odd_bytes_goes_too() -> None:
    odd = b"se\xff\xfecret"

    assert Redactor({"K": odd.decode("utf-8", "surrogateescape")}).data(b"a" + odd + b"b") == b"a[K]b"


def test_names_in_patterns_mean_nothing() -> None:
    assert Redactor({"K": ".*(a|b)+$"}).text("aaaaaaa .*(a|b)+$") == "aaaaaaa [K]"


def test_many_megabytes_take_seconds() -> None:
    redactor = Redactor(
        {f"K{number}": base64.b64encode(random.Random(number).randbytes(40)).decode() for number in range(30)}
    )
    text = "some words of an agent, and more of them\n" * 400_000
    begin = time.process_time()

    assert redactor.text(text) == text
    assert time.process_time() - begin < 10


def test_variables_that_look_like_secrets_are_found_by_their_names() -> None:
    secret = [
        "OPENAI_API_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "HF_TOKEN",
        "GITHUB_TOKEN",
        "apikey",
        "MY_PASSWORD",
        "PGPASSWD",
        "API_KEYS",
        "DB_PASS",
        "MYSQL_PWD",
        "SSH_PASSPHRASE",
        "GH_PAT",
        "NPM_AUTH",
        "GOOGLE_CREDENTIALS",
        "CLIENT_SECRET",
    ]
    plain = [
        "PATH",
        "HOME",
        "PWD",
        "OLDPWD",
        "KEYBOARD",
        "TOKENIZERS_PARALLELISM",
        "SSH_AUTH_SOCK",
        "COMPASS",
        "PATTERN",
    ]

    assert sorted(secrets_of(dict.fromkeys([*secret, *plain], "value-x"))) == sorted(secret)


@pytest.mark.parametrize("value", ["128000", "0.00001", "1,000,000", " 1234567\n", "-100000"])
def test_numbers_are_left_alone(value: str) -> None:
    """An answer may be the same number, and a number that is taken out of JSON leaves none."""
    text = f'{{"answer": {value}}}'

    assert Redactor({"MAX_TOKENS": value}).text(text) == text
