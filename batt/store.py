"""Where bytes live: the `ObjectStore` port and its two kinds, a folder and a Google Cloud Storage bucket.

The port is objects.py's, the folder folder.py's; the bucket is here, since this is the one home of google.cloud.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

from batt.errors import (
    FORM_ERRORS,
    AccessError,
    AlreadyExistsError,
    Fault,
    InputError,
    NoBucketError,
    NotFoundError,
    SpecError,
    StoreError,
    shown,
)
from batt.folder import DirectoryStore
from batt.objects import ObjectStore, Paths, check_size, checked_path, first_line

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client  # type: ignore[import-untyped]  # it ships no types

__all__ = ["DirectoryStore", "GcsStore", "ObjectStore", "create_json", "open_store", "read_as", "read_json"]

Made = TypeVar("Made")

Decorator: TypeAlias = Callable[[Callable[[], Any]], Callable[[], Any]]
"""What makes a function try again; the client takes any such thing as its `retry`."""

RETRY_SECONDS = 120.0
"""How long one operation on a bucket is tried again before it fails: longer than Cloud Storage's usual hiccups."""

REQUEST_TIMEOUT_SECONDS = (10.0, 60.0)
"""Longest wait for a connection, and for the next bytes on it, before a request counts as lost."""

ACCESS_VARIABLE = "BATT_ACCESS_SECONDS"
"""Environment variable: how long an operation that is refused (no credentials, 401, 403) is tried again, 0 for not.

A pod's identity may take minutes to be known on a fresh node; on a laptop nothing is gained by waiting.
"""

ACCESS_PAUSE_SECONDS = 15.0
"""Longest pause between two tries of an operation that is refused."""

ANSWERS = frozenset({404, 412, 416})
"""Statuses of HTTP that say how things are, not that something failed."""

GCS_SCHEME = "gs://"
"""Start of a Cloud Storage URI, `gs://bucket/path`."""


class GcsStore:
    """A bucket, or what lies under a prefix in it, as an ObjectStore.

    Credentials are the application's default ones; STORAGE_EMULATOR_HOST names an emulator to use
    instead, without any. The client is made by the first request of each process.

    Args:
        retry_seconds: how long one operation is tried again while the network or the service fails.
        access_seconds: how long while it is refused, if not as long as ACCESS_VARIABLE says.

    Attributes:
        failed_tries: of operations that failed, those that a later try mended too.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        retry_seconds: float = RETRY_SECONDS,
        access_seconds: float | None = None,
    ) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.retry_seconds = retry_seconds
        self.access_seconds = patience_seconds() if access_seconds is None else access_seconds
        self.failed_tries = 0
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
            if limit_bytes is not None:
                check_size(self._uri(path), self._size(path), limit_bytes)
            data: bytes = self._blob(path).download_as_bytes(timeout=REQUEST_TIMEOUT_SECONDS, retry=self._retry())
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
            check_size(self._uri(path), self._size(path), limit_bytes)
            self._blob(path).download_to_file(file, timeout=REQUEST_TIMEOUT_SECONDS, retry=self._retry())

    def _size(self, path: str) -> int:
        """Return the object's size.

        The blob that knows it is not the one to download: its link leads where the server thinks it is, and not
        necessarily where our requests go (a forwarded port, a private endpoint).
        """
        blob = self._blob(path)
        blob.reload(timeout=REQUEST_TIMEOUT_SECONDS, retry=self._retry())
        size: int = blob.size
        return size

    def _connected(self) -> Client:
        """Return this process's client: a forked child must not share its parent's connections."""
        if self._client is None or self._client_pid != os.getpid():
            from google.cloud import storage  # type: ignore[import-untyped]  # noqa: PLC0415  0.4 s to import

            # project=None: objects need no project, and asking for one fails where the credentials name none
            self._client = self._retry()(lambda: storage.Client(project=None))()
            self._client_pid = os.getpid()
        return self._client

    def _blob(self, path: str) -> Blob:
        return self._connected().bucket(self.bucket).blob(self.prefix + checked_path(path, self.uri))

    def _uri(self, path: str) -> str:
        return f"{GCS_SCHEME}{self.bucket}/{self.prefix}{path}"

    def _retry(self) -> Decorator:
        """Return what tries again while the service fails, and while it refuses if that may be a matter of time."""
        from google.api_core.retry import Retry  # noqa: PLC0415  see _connected

        transient = self._transient_retry()
        if not self.access_seconds:
            return lambda function: transient(self._counted(function))
        refused = Retry(predicate=_is_refusal, initial=1.0, maximum=ACCESS_PAUSE_SECONDS, timeout=self.access_seconds)
        return lambda function: refused(transient(self._counted(function)))

    def _counted(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return a function that counts each try which fails: that an object is there, or is not, is an answer."""

        def try_it() -> Any:  # as the client has it
            try:
                return function()
            except Exception as error:
                self.failed_tries += _status_of(error) not in ANSWERS
                raise

        return try_it

    def _transient_retry(self) -> Decorator:
        from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]  # noqa: PLC0415

        retry: Decorator = DEFAULT_RETRY.with_timeout(self.retry_seconds)
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
        except DataCorruption as error:
            raise StoreError(f"{uri}: got {first_line(error)}; the bytes came damaged; run the same again") from error
        except (api.GoogleAPIError, auth.GoogleAuthError, OSError) as error:  # OSError: requests' exceptions are
            last = error.cause if isinstance(error, api.RetryError) and error.cause else error
            raise (self._refusal(uri, last) if _is_refusal(last) else self._failure(uri, error)) from error
        self._bucket_is_known = True

    def _refusal(self, uri: str, error: BaseException) -> AccessError:
        from google.auth import exceptions as auth  # noqa: PLC0415  see _connected

        waited = f" for {self.access_seconds:g} s" if self.access_seconds else ""
        if isinstance(error, auth.GoogleAuthError):
            rule = "credentials are needed"
            remedy = "run `gcloud auth application-default login`, or give the pod a service account that may use it"
        else:
            rule = "permission is needed"
            remedy = f"grant this account roles/storage.objectUser on the bucket {self.bucket}"
        return AccessError(f"{uri}: got {first_line(error)}{waited}; {rule}; {remedy}")

    def _failure(self, uri: str, error: BaseException) -> StoreError:
        remedy = "check the network and STORAGE_EMULATOR_HOST, then run the same again"
        waited = f"tried for up to {self.retry_seconds:g} s"
        return StoreError(f"{uri}: got {first_line(error)}; {waited}; {remedy}")

    def _absence(self, uri: str) -> StoreError:
        """Return what a 404 on an object means: no object, or no bucket."""
        from google.api_core import exceptions as api  # noqa: PLC0415  see _connected

        try:
            if not self._bucket_is_known:
                probe = self._connected().list_blobs(
                    self.bucket, max_results=1, timeout=REQUEST_TIMEOUT_SECONDS, retry=self._transient_retry()
                )
                next(iter(probe), None)
        except api.NotFound:
            remedy = f"make it (`gcloud storage buckets create gs://{self.bucket}`) or correct the URI"
            return NoBucketError(f"{uri}: there is no bucket {self.bucket!r}; {remedy}")
        except api.Forbidden:
            pass  # only a bucket that is there can forbid to be listed
        self._bucket_is_known = True
        return NotFoundError(f"{uri}: there is no such object")


def patience_seconds() -> float:
    """Return what ACCESS_VARIABLE says; SpecError where that is no number of seconds."""
    text = os.environ.get(ACCESS_VARIABLE) or "0"
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text):
        return float(text)
    raise SpecError([Fault(ACCESS_VARIABLE, shown(text), "must be a number of seconds", "correct or unset it")])


def _is_refusal(error: BaseException) -> bool:
    """Tell whether the client was refused, for want of credentials or of a permission."""
    from google.api_core import exceptions as api  # noqa: PLC0415  see _connected
    from google.auth import exceptions as auth  # noqa: PLC0415
    from google.cloud.storage.exceptions import InvalidResponse  # noqa: PLC0415

    if isinstance(error, InvalidResponse):  # uploads and downloads say it so
        return error.response.status_code in {401, 403}
    return isinstance(error, (api.Unauthorized, api.Forbidden, auth.GoogleAuthError))


def _status_of(error: BaseException) -> int:
    """Return the status of HTTP that an error of the client stands for; 0 where there is none."""
    answer = getattr(error, "response", None)  # of uploads and downloads
    return int(getattr(error, "code", 0) or getattr(answer, "status_code", 0) or 0)


def failed_tries(store: ObjectStore) -> int:
    """Return how many tries of operations on a bucket have failed so far; a folder's are never tried again."""
    return store.failed_tries if isinstance(store, GcsStore) else 0


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
        message = f"{store.uri}/{path}: got {first_line(error)}; must be JSON as batt writes it; delete it, run again"
        raise StoreError(message) from error


def read_as(store: ObjectStore, path: str, make: Callable[[Any], Made]) -> Made:
    """Return what `make` makes of the value that `create_json` wrote; StoreError where it has another form."""
    value = read_json(store, path)
    try:
        return make(value)
    except FORM_ERRORS as error:
        got = shown(f"{type(error).__name__}: {error}")
        rule = "must have the form in which batt writes it"
        raise StoreError(f"{store.uri}/{path}: got another form ({got}); {rule}; delete it, run again") from error
