"""Both stores keep one contract; GcsStore talks to a real fake-gcs-server."""

from __future__ import annotations

import errno
import gc
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from batt.errors import (
    AccessError,
    AlreadyExistsError,
    InputError,
    NoBucketError,
    NotFoundError,
    SpecError,
    StoreError,
)
from batt.objects import TEMPORARY_PREFIX
from batt.parallel import read_many
from batt.store import (
    ACCESS_VARIABLE,
    DirectoryStore,
    GcsStore,
    ObjectStore,
    create_json,
    local_path,
    open_store,
    read_json,
)
from tests.answers import answering
from tests.gcs import free_port, gcs_server, make_bucket

FORK = multiprocessing.get_context("fork")

ODD_NAMES = (
    "with space/and more.json",
    "umlaut-ä/日本語/🙂.json",
    "decomposed-a\u0308.json",
    "hash#question?percent%41plus+amp&.json",
    "quote'double\"back\\slash.json",
    ".hidden/.file",
    "colon:semi;comma,eq=.json",
    "~tilde/$dollar/*star[0].json",
    "-dash",
    "x" * 200 + "/" + "y" * 200,
)

REFUSED_PATHS = (
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/./b",
    "a\0b",
    "a\nb",
    "\udc80",
    "a/" * 512 + "b",
)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """Each store in turn, empty."""
    uri = str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("gcs") + "/some prefix"
    return open_store(uri, tmp_path)


# the contract


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 100])
def test_what_was_created_is_read_back(store: ObjectStore, data: bytes) -> None:
    store.create("a/b/c.bin", data)

    assert store.read("a/b/c.bin") == data
    assert store.exists("a/b/c.bin")


def test_big_object_is_read_back(store: ObjectStore) -> None:
    data = os.urandom(20 * 2**20)

    store.create("big", data)

    assert store.read("big") == data


def test_second_create_is_refused_and_changes_nothing(store: ObjectStore) -> None:
    store.create("a/b", b"first")

    with pytest.raises(AlreadyExistsError, match=r"a/b: is there already; objects are written once"):
        store.create("a/b", b"second")

    assert store.read("a/b") == b"first"
    assert store.list() == ["a/b"]


def test_absent_object_is_not_found(store: ObjectStore) -> None:
    store.create("a/b", b"")

    with pytest.raises(NotFoundError, match="a/c: there is no such object"):
        store.read("a/c")
    with pytest.raises(NotFoundError):
        store.read("a/b/c")

    assert not store.exists("a/c")
    assert not store.exists("a/b/c")


def test_folder_of_objects_is_no_object(store: ObjectStore) -> None:
    store.create("a/b/c", b"")

    assert not store.exists("a/b")
    with pytest.raises(NotFoundError):
        store.read("a/b")


def test_empty_store_lists_nothing(store: ObjectStore) -> None:
    assert store.list() == []
    assert store.list("a/b") == []


def test_list_is_sorted_and_takes_any_prefix(store: ObjectStore) -> None:
    for path in ("b", "a/2", "a/10", "a/1/x", "a-b/z", "aa"):
        store.create(path, b"")

    assert store.list() == ["a-b/z", "a/1/x", "a/10", "a/2", "aa", "b"]
    assert store.list("a/1") == ["a/1/x", "a/10"]
    assert store.list("a/") == ["a/1/x", "a/10", "a/2"]
    assert store.list("a/1/") == ["a/1/x"]
    assert store.list("a/3") == []
    assert store.list("b/") == []


def test_thousands_are_listed(store: ObjectStore) -> None:
    paths = [f"shards/{number:05d}" for number in range(1_100)]  # a page of Cloud Storage holds 1,000
    for path in reversed(paths):
        store.create(path, b"")

    assert store.list("shards/") == paths


@pytest.mark.parametrize("path", ODD_NAMES)
def test_odd_names_work(store: ObjectStore, path: str) -> None:
    store.create(path, path.encode())

    assert store.exists(path)
    assert store.read(path) == path.encode()
    assert store.list() == [path]
    assert store.list(path[:3]) == [path]


@pytest.mark.parametrize("path", [*REFUSED_PATHS, f"a/{TEMPORARY_PREFIX}x"])
def test_paths_that_no_store_can_hold_are_refused(store: ObjectStore, path: str) -> None:
    for operation in (store.read, store.exists, lambda path: store.create(path, b"")):
        with pytest.raises(StoreError, match="choose another name"):
            operation(path)


def test_many_are_read_in_order_and_absent_ones_named(store: ObjectStore) -> None:
    paths = [f"n/{number}" for number in range(30)]
    for path in paths:
        store.create(path, path.encode())

    fetched = list(read_many(store, [*paths[:20], "n/absent", *paths[20:]]))

    assert [item.path for item in fetched] == [*paths[:20], "n/absent", *paths[20:]]
    assert isinstance(fetched.pop(20).data, NotFoundError)
    assert [item.data for item in fetched] == [path.encode() for path in paths]


def test_objects_over_the_limit_are_not_read(store: ObjectStore) -> None:
    store.create("x", b"12345")

    assert store.read("x", limit_bytes=5) == b"12345"
    with pytest.raises(InputError, match="x: got 5 bytes; at most 4 are read; split it"):
        store.read("x", limit_bytes=4)
    assert isinstance(next(read_many(store, ["x"], limit_bytes=4)).data, InputError)


def test_json_is_read_back(store: ObjectStore) -> None:
    value = {"b": [1, 2.5, None, True], "a": {"ü": "text"}}

    create_json(store, "plain.json", value)
    create_json(store, "packed.json.gz", value)

    assert store.read("plain.json") == b'{"a":{"\\u00fc":"text"},"b":[1,2.5,null,true]}\n'
    assert read_json(store, "plain.json") == value
    assert read_json(store, "packed.json.gz") == value


# several processes


def create_at_once(store: ObjectStore, rounds: int, name: str, start: Barrier, won: Queue[tuple[int, str]]) -> None:
    for number in range(rounds):
        start.wait()
        try:
            store.create(f"race/{number}", name.encode() * 10_000)
        except AlreadyExistsError:
            continue
        won.put((number, name))


def test_one_of_many_writers_wins(store: ObjectStore) -> None:
    writers, rounds = 6, 10
    start: Barrier = FORK.Barrier(writers)
    won: Queue[tuple[int, str]] = FORK.Queue()
    children = [
        FORK.Process(target=create_at_once, args=(store, rounds, str(number), start, won)) for number in range(writers)
    ]

    for child in children:
        child.start()
    winners = sorted(won.get(timeout=60) for _ in range(rounds))
    for child in children:
        child.join()

    assert [child.exitcode for child in children] == [0] * writers
    assert [number for number, _ in winners] == list(range(rounds))
    assert won.empty()
    for number, name in winners:
        assert store.read(f"race/{number}") == name.encode() * 10_000
    assert len(store.list()) == rounds


def read_each(store: ObjectStore, paths: list[str], wrong: Queue[int]) -> None:
    wrong.put(sum(store.read(path) != path.encode() for path in paths))


def test_forked_children_do_not_share_a_connection(store: ObjectStore) -> None:
    paths = [f"n/{number}" for number in range(40)]
    for path in paths:
        store.create(path, path.encode())  # the parent is connected before the forks
    wrong: Queue[int] = FORK.Queue()
    children = [FORK.Process(target=read_each, args=(store, paths[n:] + paths[:n], wrong)) for n in range(4)]

    for child in children:
        child.start()
    read_each(store, paths, wrong)
    counts = [wrong.get(timeout=60) for _ in range(5)]
    for child in children:
        child.join()

    assert counts == [0] * 5


KILLED_WRITER = """
import sys
from pathlib import Path
from batt.store import open_store
store = open_store(sys.argv[1], Path())
store.exists("warm")
print("ready", flush=True)
store.create("object", b"x" * int(sys.argv[2]))
print("done", flush=True)
"""


@contextmanager
def writer(uri: str, size: int) -> Iterator[subprocess.Popen[str]]:
    """A process that is about to create an object of `size` bytes; killed at the end."""
    command = [sys.executable, "-c", KILLED_WRITER, uri, str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("after_milliseconds", [0, 3, 10, 30, 60])
def test_killed_writer_leaves_all_or_nothing(store: ObjectStore, after_milliseconds: int) -> None:
    size = 12 * 2**20

    with writer(store.uri, size):
        time.sleep(after_milliseconds / 1000)  # no condition is awaited: whenever it dies, the result must hold

    assert store.list() in ([], ["object"])
    try:
        store.create("object", b"again")
        content = b"again"
    except AlreadyExistsError:  # it was whole, or a bucket had all of it and finished after the writer's death
        content = b"x" * size
    assert store.read("object") == content
    assert store.list() == ["object"]


def test_file_of_a_killed_writer_is_never_seen(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)

    with writer(store.uri, 2**28) as process:
        while not (left := list(tmp_path.glob(f"{TEMPORARY_PREFIX}*"))):
            assert process.poll() is None
        process.kill()
        process.wait()

    assert [path for path in left if path.exists()]
    assert store.list() == []
    assert store.list(TEMPORARY_PREFIX) == []
    assert not store.exists("object")
    store.create("object", b"again")
    assert store.list() == ["object"]


# the folder


def test_folder_is_made_by_the_first_write_only(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "a" / "b")

    assert not store.exists("x")
    assert store.list() == []
    assert not (tmp_path / "a").exists()
    store.create("x", b"")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["x"]


def test_linked_folders_are_listed_and_loops_end(tmp_path: Path) -> None:
    elsewhere = tmp_path / "bigger disk"
    elsewhere.mkdir()
    (elsewhere / "f").write_bytes(b"")
    root = tmp_path / "store"
    (root / "in").mkdir(parents=True)
    (root / "linked").symlink_to(elsewhere)
    (root / "in" / "loop").symlink_to(root)
    (root / "in" / "g").symlink_to(elsewhere / "f")
    (root / "broken").symlink_to(tmp_path / "absent")

    assert DirectoryStore(root).list() == ["in/g", "linked/f"]


def test_file_in_the_way_is_named(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.create("a", b"")

    for path in ("a/b", "a/b/c"):
        with pytest.raises(StoreError, match=r"a/b.*a part of the path is a file") as caught:
            store.create(path, b"")
        assert not isinstance(caught.value, AlreadyExistsError)


def error_in_child(limit: Callable[[], None], store: ObjectStore, path: str, data: bytes) -> str:
    """Return class and text of what `create` raises in a child process that first limits itself."""

    def create_limited(said: Queue[str]) -> None:
        limit()
        try:
            store.create(path, data)
        except StoreError as error:
            said.put(f"{type(error).__name__} {error}")
        else:
            said.put("created")

    said: Queue[str] = FORK.Queue()
    child = FORK.Process(target=create_limited, args=(said,))
    child.start()
    text = said.get(timeout=60)
    child.join()
    return text


def test_full_file_system_is_explained_and_leaves_nothing(tmp_path: Path) -> None:
    def allow_1_mb_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))

    error = error_in_child(allow_1_mb_files, DirectoryStore(tmp_path), "big", bytes(2**22))

    assert error == (
        f"StoreError {tmp_path}/big: got {os.strerror(errno.EFBIG)}; "
        "the file system or a limit (ulimit -f) allows no file that big; raise it or choose another folder"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["a", "b/c"])
def test_read_only_folder_is_explained(tmp_path: Path, path: str) -> None:
    def become_somebody() -> None:
        if os.getuid() == 0:  # root may write everywhere
            os.setuid(65534)

    tmp_path.chmod(0o555)

    error = error_in_child(become_somebody, DirectoryStore(tmp_path), path, b"")

    assert error == (
        f"StoreError {tmp_path}/{path}: got {os.strerror(errno.EACCES)}; this user may not do that there; "
        "change the permissions or choose another folder"
    )


# the bucket


def test_missing_bucket_is_told_from_a_missing_object(gcs: str) -> None:
    store = GcsStore("no-such-bucket", "p")

    for operation in (store.read, store.exists, store.list):
        with pytest.raises(NoBucketError, match=r"gs://no-such-bucket/p/x: there is no bucket 'no-such-b.*'; make it"):
            operation("x")


def test_marks_of_folders_are_not_listed(gcs: str, tmp_path: Path) -> None:
    store = open_store(gcs, tmp_path)
    assert isinstance(store, GcsStore)
    store.create("a/b", b"")
    store._blob("a/mark").bucket.blob("a/").upload_from_string(b"")  # as the console's "create folder" does

    assert store.list() == ["a/b"]
    assert store.list("a/") == ["a/b"]


def test_prefix_bounds_what_a_store_sees(gcs: str, tmp_path: Path) -> None:
    open_store(gcs, tmp_path).create("runs/1/x", b"1")
    open_store(gcs, tmp_path).create("runs/10/x", b"10")

    store = open_store(f"{gcs}/runs/1/", tmp_path)

    assert store.uri == f"{gcs}/runs/1"
    assert store.list() == ["x"]
    assert store.read("x") == b"1"


def test_download_is_bounded(gcs: str, tmp_path: Path) -> None:
    store = GcsStore(gcs.removeprefix("gs://"))
    store.create("x", b"12345")

    with (tmp_path / "copy").open("w+b") as file:
        store.download("x", file, limit_bytes=5)
        file.seek(0)
        assert file.read() == b"12345"
        with pytest.raises(InputError, match=f"{gcs}/x: got 5 bytes; at most 4 are read"):
            store.download("x", file, limit_bytes=4)


def test_a_server_that_knows_itself_by_another_address_is_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As behind a forwarded port: the links in its answers lead nowhere."""
    with gcs_server(tmp_path / "server.log", believed="http://127.0.0.1:1") as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        make_bucket(address, "bucket")
        store = GcsStore("bucket", retry_seconds=1)
        store.create("x", b"12345")

        data = store.read("x", limit_bytes=5)
        with (tmp_path / "file").open("wb") as file:
            store.download("x", file, limit_bytes=5)

        let_go(store)

    assert (data, (tmp_path / "file").read_bytes()) == (b"12345", b"12345")


def test_unreachable_bucket_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port()}")
    store = GcsStore("bucket", "p", retry_seconds=0.2)

    for operation in (store.read, store.exists, store.list, lambda path: store.create(path, b"")):
        with pytest.raises(StoreError, match=r"gs://bucket/p/x: got .*; tried for up to 0.2 s; check the network"):
            operation("x")


def test_missing_credentials_are_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))

    with pytest.raises(AccessError, match=r"gs://bucket/x: .*absent.json.*; credentials are needed; run `gcloud auth"):
        GcsStore("bucket").read("x")


def test_credentials_that_come_late_are_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The identity of a pod on a fresh node: nothing at first, then it is there."""
    key = tmp_path / "late.json"
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    store = GcsStore("bucket", access_seconds=30)
    user = {"type": "authorized_user", "client_id": "x", "client_secret": "x", "refresh_token": "x"}
    writer = threading.Timer(0.3, lambda: key.write_text(json.dumps(user)))
    writer.start()

    client = store._connected()

    writer.join()
    assert client.project is None


def let_go(store: GcsStore) -> None:
    """Close a client's sockets. Those of refused downloads the library leaves to the collector, which is to go now."""
    store._connected().close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_missing_permission_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(403) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        store = GcsStore("bucket")

        for operation in (store.read, store.exists, store.list, lambda path: store.create(path, b"")):
            with pytest.raises(
                AccessError, match=r"gs://bucket/x: .*; permission is needed; grant .* on the bucket bucket"
            ):
                operation("x")


@pytest.mark.parametrize("status", [401, 403])
def test_permission_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with answering(status, 412) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)

        store = GcsStore("bucket", access_seconds=30)

        with pytest.raises(AlreadyExistsError):
            store.create("x", b"")

        let_go(store)


def test_permission_that_does_not_come_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(403) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        store = GcsStore("bucket", access_seconds=0.2)

        for operation in (store.read, store.exists, store.list, lambda path: store.create(path, b"")):
            with pytest.raises(AccessError, match=r"gs://bucket/x: got .*403.* for 0.2 s; permission is needed"):
                operation("x")
        let_go(store)


def test_how_long_a_refusal_is_tried_is_told_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert GcsStore("bucket").access_seconds == 0
    monkeypatch.setenv(ACCESS_VARIABLE, "2.5")
    assert GcsStore("bucket").access_seconds == 2.5
    monkeypatch.setenv(ACCESS_VARIABLE, "soon")

    with pytest.raises(SpecError, match="BATT_ACCESS_SECONDS: got 'soon'; must be a number of seconds"):
        GcsStore("bucket")


def test_failing_service_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(503, 412) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)

        store = GcsStore("bucket")

        with pytest.raises(AlreadyExistsError):
            store.create("x", b"")

        let_go(store)


# places


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("results", "/base/results"),
        ("a b/ü", "/base/a b/ü"),
        ("/absolute", "/absolute"),
        ("file:results", "/base/results"),
        ("file:/absolute", "/absolute"),
        ("file:///with%20space", "/with space"),
        ("file://localhost/x", "/x"),
        ("file:per%20cent", "/base/per%20cent"),
        ("image:/data/x", "/data/x"),
        ("odd:name", "/base/odd:name"),
    ],
)
def test_folders_are_named_by_path_or_uri(uri: str, expected: str) -> None:
    assert local_path(uri, Path("/base")) == Path(expected)
    assert open_store(uri, Path("/base")).uri == expected


def test_bucket_uri_opens_a_bucket() -> None:
    store = open_store("gs://bucket/some/prefix/", Path("/base"))

    assert isinstance(store, GcsStore)
    assert store.uri == "gs://bucket/some/prefix"


@pytest.mark.parametrize(
    "uri", ["", "s3://bucket/x", "https://x/y", "builtin:starter", "file://host/x", "gs://", "gs:///x", "a\0b"]
)
def test_other_places_are_refused(uri: str) -> None:
    with pytest.raises(InputError, match="must be"):
        open_store(uri, Path("/base"))


# JSON


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    create_json(store, "1.json.gz", {"a": 1, "b": 2})
    create_json(store, "2.json.gz", {"b": 2, "a": 1})

    first, second = store.read("1.json.gz"), store.read("2.json.gz")

    assert first == second
    assert first[4:8] == bytes(4)  # the time in the header, which would differ from second to second


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("x.json", b"{"),
        ("x.json", b"\xff"),
        ("x.json", b"[" * 100_000),
        ("x.json.gz", b"no gzip"),
        ("x.json.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\xff"),
        ("x.json.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\xff\xff\xff\xff"),
    ],
)
def test_damaged_json_is_named(tmp_path: Path, path: str, data: bytes) -> None:
    store = DirectoryStore(tmp_path)
    store.create(path, data)

    with pytest.raises(StoreError, match=rf"{tmp_path}/{path}: got .*; must be JSON as batt writes it; delete it"):
        read_json(store, path)


def test_value_that_is_no_json_is_not_stored(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)

    with pytest.raises(ValueError, match="not JSON compliant"):
        create_json(store, "x.json", {"score": float("nan")})

    assert store.list() == []
