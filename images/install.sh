#!/bin/sh
# Fills /opt/batt in the builder stage of an image, in two steps, so that a change of our code reinstalls only our code:
#   install.sh dependencies operator|worker|scoring    what images/requirements-*.txt pin, by hash
#   install.sh project                         batt itself, and everything compiled
# pip lives in /build, which no image takes along.
set -eu

into_batt() {
  /build/bin/pip --python /opt/batt/bin/python install --quiet --no-cache-dir --no-compile --no-deps "$@"
}

case "$1" in
dependencies)
  python3 -m venv /build
  python3 -m venv --without-pip /opt/batt
  /build/bin/pip install --quiet --no-cache-dir --require-hashes --no-deps -r images/requirements-build.txt
  into_batt --require-hashes --only-binary :all: -r "images/requirements-$2.txt"
  ;;
project)
  /build/bin/pip wheel --quiet --no-cache-dir --no-build-isolation --no-deps --wheel-dir /build/wheels .
  into_batt /build/wheels/*.whl
  # A pod's root is read-only: what is not compiled now would be compiled at every start. Hashes, since building
  # an image may change the times of files; unchecked, since nothing changes in an image.
  /opt/batt/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/batt/lib
  ;;
*)
  echo "install.sh: got '$1'; must be dependencies or project; see its first lines" >&2
  exit 64
  ;;
esac
