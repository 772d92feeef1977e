"""Where bytes live: the `ObjectStore` port and its two kinds, a folder and a Google Cloud Storage bucket.

Objects are written once and never changed: of several writers the first wins, and what a killed
writer left is never seen. A run can so be resumed by anyone, any time, from what is stored.
"""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

from batt.errors import AlreadyExistsError, InputError, NotFoundError, StoreError, shown

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.storage import Blob, Client  # type: ignore[import-untyped]  # it ships no types

Paths: TypeAlias = list[str]
"""Object paths, sorted. An alias because the stores' own `list` hides the builtin inside them."""

TEMPORARY_PREFIX = ".batt-tmp-"
"""Start of the names of files being written in a folder; never listed, read or created as objects."""

PATH_BYTES = 1024
"""Longest object path in UTF-8 bytes: the limit of Cloud Storage (cloud.google.com/storage/docs/objects#naming)."""

RETRY_SECONDS = 120.0
"""How long one operation on a bucket is tried again before it fails: longer than Cloud Storage's usual hiccups."""

REQUEST_TIMEOUT_SECONDS = (10.0, 60.0)
"""Longest wait for a connection, and for the next bytes on it, before a request counts as lost."""

READ_AHEAD = 8
"""Objects fetched at once by `read_many`: hides a bucket's latency; the client keeps 10 connections."""

GCS_SCHEME = "gs://"
"""Start of a Cloud Storage URI, `gs://bucket/path`."""

OS_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file system or a limit (ulimit -f) allows no file that big; raise it or choose another folder",
    errno.EACCES: "this user may not do that there; change the permissions or choose another folder",
    errno.EPERM: "not allowed there, or a file system without hard links; choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOTDIR: "a part of the path is a file; choose another path or remove that file",
    errno.EEXIST: "a part of the path is a file; choose another path or remove that file",
    errno.ENAMETOOLONG: "names must be shorter there; choose a shorter path",
    errno.EXDEV: "the folder spans file systems; choose another folder",
    errno.EOPNOTSUPP: "the file system has no hard links; choose another folder",
}
"""What to do about an error of the file system, by errno."""


class ObjectStore(Protocol):
    """Byte strings under relative paths (`shards/3.json.gz`), each written once.

    Every method raises StoreError where the store refuses or cannot be reached.
    """

    @property
    def uri(self) -> str:
        """Where the store is, as `open_store` takes it."""

    def create(self, path: str, data: bytes) -> None:
        """Write an object whole or not at all.

        Raises:
            AlreadyExistsError: the path is taken; nothing was changed. Rarely the taker is this very
                call, when the answer to its first attempt was lost on the way.
        """

    def read(self, path: str, limit_bytes: int | None = None) -> bytes:
        """Return the object's bytes; NotFoundError where there is none, InputError where it is over the limit."""

    def exists(self, path: str) -> bool:
        """Return whether there is an object of that path."""

    def list(self, prefix: str = "") -> Paths:
        """Return the paths that start with `prefix` (any string, no folder needed), sorted by code point."""


class DirectoryStore:
    """A folder as an ObjectStore. It is made by the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def uri(self) -> str:
        """The folder's absolute path."""
        return str(self.root)

    def create(self, path: str, data: bytes) -> None:
        """Write a file beside its place, then link it there: a link cannot replace, and appears at once."""
        target = self._target(path)
        with _os_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(TEMPORARY_PREFIX + os.urandom(8).hex())
            try:
                _write_synced(temporary, data)
                self._link(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)

    def read(self, path: str, limit_bytes: int | None = None) -> bytes:
        """Return the file's bytes; NotFoundError where there is none, InputError where it is over the limit."""
        target = self._target(path)
        with _os_errors(target):
            try:
                with target.open("rb") as file:
                    if limit_bytes is not None:
                        _check_size(str(target), os.fstat(file.fileno()).st_size, limit_bytes)
                    return file.read()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
                raise NotFoundError(f"{target}: there is no such object") from error

    def exists(self, path: str) -> bool:
        """Return whether there is a file of that path."""
        target = self._target(path)
        with _os_errors(target):
            return target.is_file()

    def list(self, prefix: str = "") -> Paths:
        """Return the files whose path starts with `prefix`, links followed."""
        folder, _, start = prefix.rpartition("/")
        if folder:
            checked_path(folder, self.uri)
        base = self.root / folder
        with _os_errors(base):
            found = sorted(_files(base, start, frozenset())) if base.is_dir() else []
        return [f"{folder}/{path}" for path in found] if folder else found

    def _link(self, temporary: Path, target: Path) -> None:
        try:
            target.hardlink_to(temporary)
        except FileExistsError as error:
            raise AlreadyExistsError(f"{target}: is there already; objects are written once") from error

    def _target(self, path: str) -> Path:
        return self.root / checked_path(path, self.uri)


class GcsStore:
    """A bucket, or what lies under a prefix in it, as an ObjectStore.

    Credentials are the application's default ones; STORAGE_EMULATOR_HOST names an emulator to use
    instead, without any. The client is made by the first request of each process.

    retry_seconds: how long one operation is tried again while the network or the service fails.
    """

    def __init__(self, bucket: str, prefix: str = "", retry_seconds: float = RETRY_SECONDS) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.retry_seconds = retry_seconds
        self._client: Client | None = None
        self._client_pid = 0
        self._bucket_is_known = False

    @property
    def uri(self) -> str:
        """`gs://bucket/prefix`, without a slash at its end."""
        return f"{GCS_SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def create(self, path: str, data: bytes) -> None:
        """Upload an object on the condition that none is there, which also makes it safe to retry."""
        with self._errors(path):
            self._blob(path).upload_from_string(
                data,
                content_type="application/octet-stream",
                if_generation_match=0,
                timeout=REQUEST_TIMEOUT_SECONDS,
                retry=self._retry(),
            )

    def read(self, path: str, limit_bytes: int | None = None) -> bytes:
        """Return the object's bytes; a limit costs one more request, for the size."""
        with self._errors(path):
            blob = self._blob(path)
            if limit_bytes is not None:
                blob.reload(timeout=REQUEST_TIMEOUT_SECONDS, retry=self._retry())
                _check_size(self._uri(path), blob.size, limit_bytes)
            data: bytes = blob.download_as_bytes(timeout=REQUEST_TIMEOUT_SECONDS, retry=self._retry())
        return data

    def exists(self, path: str) -> bool:
        """Return whether there is an object of that path."""
        try:
            with self._errors(path):
                self._blob(path).reload(timeout=REQUEST_TIMEOUT_SECONDS, retry=self._retry())
        except NotFoundError:
            return False
        return True

    def list(self, prefix: str = "") -> Paths:
        """Return the objects whose path starts with `prefix`; the console's folder marks are left out."""
        with self._errors(prefix):
            blobs = self._connected().list_blobs(
                self.bucket,
                prefix=self.prefix + prefix,
                fields="items(name),nextPageToken",
                timeout=REQUEST_TIMEOUT_SECONDS,
                retry=self._retry(),
            )
            names: Iterator[str] = (blob.name for blob in blobs)
            return sorted(name[len(self.prefix) :] for name in names if not name.endswith("/"))

    def download(self, path: str, file: BinaryIO, limit_bytes: int) -> None:
        """Copy an object to an open file without holding it in memory; InputError where it is bigger than the limit."""
        with self._errors(path):
            blob = self._blob(path)
            blob.reload(timeout=REQUEST_TIMEOUT_SECONDS, retry=self._retry())
            _check_size(self._uri(path), blob.size, limit_bytes)
            blob.download_to_file(file, timeout=REQUEST_TIMEOUT_SECONDS, retry=self._retry())

    def _connected(self) -> Client:
        """Return this process's client: a forked child must not share its parent's connections."""
        if self._client is None or self._client_pid != os.getpid():
            from google.cloud import storage  # type: ignore[import-untyped]  # noqa: PLC0415  0.4 s to import

            # project=None: objects need no project, and asking for one fails where the credentials name none
            self._client = storage.Client(project=None)
            self._client_pid = os.getpid()
        return self._client

    def _blob(self, path: str) -> Blob:
        return self._connected().bucket(self.bucket).blob(self.prefix + checked_path(path, self.uri))

    def _uri(self, path: str) -> str:
        return f"{GCS_SCHEME}{self.bucket}/{self.prefix}{path}"

    def _retry(self) -> Retry:
        from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]  # noqa: PLC0415

        retry: Retry = DEFAULT_RETRY.with_timeout(self.retry_seconds)
        return retry

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        """Turn what the client raises into StoreErrors that name the URI and the remedy."""
        from google.api_core import exceptions as api  # noqa: PLC0415  see _connected
        from google.auth import exceptions as auth  # noqa: PLC0415
        from google.cloud.storage.exceptions import DataCorruption  # type: ignore[import-untyped]  # noqa: PLC0415

        uri = self._uri(path)
        try:
            yield
        except api.PreconditionFailed as error:
            raise AlreadyExistsError(f"{uri}: is there already; objects are written once") from error
        except api.NotFound as error:
            raise self._absence(uri) from error
        except (api.Unauthorized, api.Forbidden) as error:
            remedy = f"grant this account roles/storage.objectUser on the bucket {self.bucket}"
            raise StoreError(f"{uri}: got {_first_line(error)}; permission is needed; {remedy}") from error
        except auth.GoogleAuthError as error:
            remedy = "run `gcloud auth application-default login`, or give the pod a service account that may use it"
            raise StoreError(f"{uri}: got {_first_line(error)}; credentials are needed; {remedy}") from error
        except DataCorruption as error:
            raise StoreError(f"{uri}: got {_first_line(error)}; the bytes came damaged; run the same again") from error
        except (api.GoogleAPIError, OSError) as error:  # OSError: requests' exceptions are
            remedy = "check the network and STORAGE_EMULATOR_HOST, then run the same again"
            waited = f"tried for up to {self.retry_seconds:g} s"
            raise StoreError(f"{uri}: got {_first_line(error)}; {waited}; {remedy}") from error
        self._bucket_is_known = True

    def _absence(self, uri: str) -> StoreError:
        """Return what a 404 on an object means: no object, or no bucket."""
        from google.api_core import exceptions as api  # noqa: PLC0415  see _connected

        try:
            if not self._bucket_is_known:
                probe = self._connected().list_blobs(
                    self.bucket, max_results=1, timeout=REQUEST_TIMEOUT_SECONDS, retry=self._retry()
                )
                next(iter(probe), None)
        except api.NotFound:
            remedy = f"make it (`gcloud storage buckets create gs://{self.bucket}`) or correct the URI"
            return StoreError(f"{uri}: there is no bucket {self.bucket!r}; {remedy}")
        except api.Forbidden:
            pass  # only a bucket that is there can forbid to be listed
        self._bucket_is_known = True
        return NotFoundError(f"{uri}: there is no such object")


class Fetched(NamedTuple):
    """What `read_many` found at a path: its bytes, or why there are none."""

    path: str
    data: bytes | StoreError | InputError


def open_store(uri: str, base: Path) -> ObjectStore:
    """Return the store at `gs://bucket/prefix`, `file:...` or a folder's path; relative ones start at `base`."""
    if uri.startswith(GCS_SCHEME):
        bucket, prefix = split_gcs(uri)
        return GcsStore(bucket, prefix)
    return DirectoryStore(local_path(uri, base))


def split_gcs(uri: str) -> tuple[str, str]:
    """Return bucket and path of a `gs://bucket/path` URI; InputError where it names no bucket."""
    bucket, _, path = uri.removeprefix(GCS_SCHEME).partition("/")
    if not bucket:
        raise InputError(f"{uri}: got no bucket; must be gs://BUCKET or gs://BUCKET/PATH; write the bucket's name")
    return bucket, path


def local_path(uri: str, base: Path) -> Path:
    """Return the path that a plain path, a `file:` URI or an `image:/path` means; relative ones start at `base`.

    Only `file://` URIs are percent-decoded; `file:name` and plain paths are taken as they stand.
    """
    if uri.startswith("file://"):
        parts = urlsplit(uri)
        if parts.netloc not in {"", "localhost"}:
            raise InputError(f"{uri}: got host {parts.netloc!r}; must be on this machine; write file:///path")
        return Path(unquote(parts.path))
    plain = uri.removeprefix("file:").removeprefix("image:")
    if not plain or "\0" in plain or re.match(r"[a-z][a-z0-9+.-]*://|builtin:", plain):
        rule = "must be a path, file:PATH or gs://BUCKET/PATH"
        raise InputError(f"{shown(uri)}: {rule}; correct it, or copy it to a folder first")
    try:
        return base / Path(plain).expanduser()
    except RuntimeError as error:  # ~name, where nobody has that name
        raise InputError(f"{shown(uri)}: got {error}; must be a path; write it without ~") from error


def checked_path(path: str, uri: str) -> str:
    """Return the object path if every store can hold it; StoreError otherwise. `uri` is for the message."""
    parts = path.split("/")
    if any(part in {"", ".", ".."} or part.startswith(TEMPORARY_PREFIX) for part in parts):
        rule = f"must be relative, without empty parts, `.`, `..` and names in {TEMPORARY_PREFIX}*"
    elif re.search(r"[\x00\r\n\ud800-\udfff]", path):
        rule = "must have no NUL, line ends or lone surrogates"
    elif len(path.encode()) > PATH_BYTES:
        rule = f"must be at most {PATH_BYTES} bytes"
    else:
        return path
    raise StoreError(f"{uri}: got path {shown(path)}; {rule}; choose another name")


def create_json(store: ObjectStore, path: str, value: object) -> None:
    """Write `value` as compact JSON with sorted keys; a path ending in `.gz` is compressed.

    Equal values give equal bytes. Raises ValueError for NaN and infinities, which JSON does not have.
    """
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False) + "\n"
    data = text.encode()
    store.create(path, gzip.compress(data, compresslevel=6, mtime=0) if path.endswith(".gz") else data)


def read_json(store: ObjectStore, path: str) -> Any:  # JSON: the reader knows what it wrote
    """Return the value that `create_json` wrote; NotFoundError where there is none, StoreError where it is damaged."""
    data = store.read(path)
    try:
        return json.loads(gzip.decompress(data) if path.endswith(".gz") else data)
    except (ValueError, EOFError, OSError, zlib.error, RecursionError) as error:
        message = f"{store.uri}/{path}: got {_first_line(error)}; must be JSON as batt writes it; delete it, run again"
        raise StoreError(message) from error


def read_many(store: ObjectStore, paths: Iterable[str], limit_bytes: int | None = None) -> Iterator[Fetched]:
    """Yield every path's bytes in the given order, a few objects of a bucket fetched ahead at once."""
    if isinstance(store, DirectoryStore):  # a folder has no latency to hide
        yield from (_fetch(store, path, limit_bytes) for path in paths)
        return
    from concurrent.futures import Future, ThreadPoolExecutor  # noqa: PLC0415  buckets only

    waiting = iter(paths)
    for path in waiting:
        yield _fetch(store, path, limit_bytes)
        break  # the first alone: it makes the client that the others share
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        ahead: deque[Future[Fetched]] = deque()
        for path in waiting:
            ahead.append(pool.submit(_fetch, store, path, limit_bytes))
            if len(ahead) > READ_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _fetch(store: ObjectStore, path: str, limit_bytes: int | None) -> Fetched:
    try:
        return Fetched(path, store.read(path, limit_bytes))
    except (StoreError, InputError) as error:
        return Fetched(path, error)


def _check_size(place: str, size_bytes: int, limit_bytes: int) -> None:
    if size_bytes > limit_bytes:
        raise InputError(f"{place}: got {size_bytes} bytes; at most {limit_bytes} are read; split it")


def _files(folder: Path, start: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
    """Yield the files under `folder` whose path in it starts with `start`; a link back to a folder above is skipped."""
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(start) or entry.name.startswith(TEMPORARY_PREFIX):
                continue
            if entry.is_dir():
                inside = _files(folder / entry.name, "", above | {here})
                yield from (f"{entry.name}/{path}" for path in inside)
            elif entry.is_file():
                yield entry.name


def _write_synced(path: Path, data: bytes) -> None:
    """Write a new file and wait until the disk has it, so that no crash leaves an empty object under a name."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    """Turn errors of the file system into StoreErrors that name the path and the remedy."""
    try:
        yield
    except OSError as error:
        remedy = OS_REMEDIES.get(error.errno or 0, "check the folder, then run the same again")
        raise StoreError(f"{path}: got {error.strerror or error}; {remedy}") from error


def _first_line(error: BaseException) -> str:
    """Return class and first line of an error's text, cut to what a message shows."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__} {shown(lines[0])}"
