"""The variables that a folder's .env adds to those of agents."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest

from batt.errors import InputError, SpecError
from batt.laptop.envfile import take_env_file


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    environment = {"A": "1"}

    assert take_env_file(tmp_path, environment) == []
    assert environment == {"A": "1"}


def test_it_is_read_as_hal_reads_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# keys\nexport OPENAI_API_KEY=sk-1\nQUOTED='a # b'  # c\nURL=https://${HOST_OF_MODELS}/v1\n"
        'HOST_OF_MODELS=x\nEMPTY=\nNOTHING\nTWO="a\nb"\n'
    )
    environment = {"HOST_OF_MODELS": "mine", "OTHER": "1"}

    names = take_env_file(tmp_path, environment)

    assert names == ["EMPTY", "OPENAI_API_KEY", "QUOTED", "TWO", "URL"]
    assert environment["OPENAI_API_KEY"] == "sk-1"
    assert environment["QUOTED"] == "a # b"
    assert environment["EMPTY"] == ""
    assert environment["TWO"] == "a\nb"
    assert environment["HOST_OF_MODELS"] == "mine"
    assert environment["OTHER"] == "1"


def test_lines_that_cannot_be_read_are_told_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".env").write_text("A=1\n= no name\nB=2\n")
    environment: dict[str, str] = {}

    with caplog.at_level(logging.WARNING):
        names = take_env_file(tmp_path, environment)

    assert names == ["A", "B"]
    assert "line 2" in caplog.text


def test_what_no_process_can_have_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=1\nB=x\0y\n'C=D'=2\n")
    environment: dict[str, str] = {}

    with pytest.raises(SpecError) as caught:
        take_env_file(tmp_path, environment)

    assert [fault.where.rpartition(" ")[2] for fault in caught.value.faults] == ["'B'", "'C=D'"]
    assert "x" not in str(caught.value.faults[0]).removeprefix(str(tmp_path)).replace("mend or remove its line", "")
    assert environment == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything; run as another user")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / ".env").chmod(0)

    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        take_env_file(tmp_path, {})


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")

    with pytest.raises(InputError, match="cannot be read: no UTF-8"):
        take_env_file(tmp_path, {})


def test_a_folder_of_that_name_is_no_such_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    assert take_env_file(tmp_path, {}) == []


def test_without_the_package_that_reads_it_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    monkeypatch.setitem(sys.modules, "dotenv", None)

    with pytest.raises(InputError, match=r"pip install 'batt\[hal\]'"):
        take_env_file(tmp_path, {})
