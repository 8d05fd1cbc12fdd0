#!/bin/sh
# Runs the tests of drey-export in the first Python that has what they need: $PYTHON, the peers' of bench/, then the path's.
# Without one it says so and succeeds; DREY_REQUIRE=python makes that a failure.
set -u
case $0 in */*) cd "${0%/*}" ;; esac || exit 1

for python in "${PYTHON:-}" ../bench/.venv/bin/python python3.11 python3; do
	if [ -n "$python" ] && "$python" -c 'import jax, numpyro, pytest' >/dev/null 2>&1; then
		exec "$python" -m pytest -q "$@"
	fi
done
echo "skipped: no Python with JAX, NumPyro and pytest (pip install './python[test]' gives one them)"
case ",${DREY_REQUIRE:-}," in *,python,*) exit 1 ;; esac
