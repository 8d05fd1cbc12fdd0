#!/bin/sh
# Makes bench/.venv, the Python environment of the peers, with the exact versions of requirements.txt. Running it again
# does nothing until that file changes. Without Python or a package index it says so and succeeds: drey is then measured alone.
# PYTHON names the interpreter to use (default: python3.11, else python3). DREY_REQUIRE=peers makes a skip a failure.
set -u
case $0 in */*) cd "${0%/*}/.." ;; *) cd .. ;; esac || exit 1
venv=.venv
stamp=$venv/requirements.installed

skip() {
	echo "skipped: no Python peers ($1)"
	case ",${DREY_REQUIRE:-}," in *,peers,*) exit 1 ;; esac
	exit 0
}

if [ -f "$stamp" ] && cmp -s peers/requirements.txt "$stamp"; then
	echo "peers: $venv is up to date"
	exit 0
fi

python=${PYTHON:-}
for candidate in python3.11 python3; do
	[ -n "$python" ] || ! command -v "$candidate" >/dev/null 2>&1 || python=$candidate
done
[ -n "$python" ] || skip "neither python3.11 nor python3 is on the path"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || skip "$python does not run or is older than Python 3.11"

rm -f "$stamp"
"$python" -m venv --clear "$venv" || skip "$python -m venv does not work here"
log=$venv/pip.log
echo "peers: installing $(grep -c '==' peers/requirements.txt) packages into bench/$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: -r peers/requirements.txt >"$log" 2>&1 ||
	skip "pip could not install peers/requirements.txt: $(grep -m1 -i error "$log" | cut -c1-200)"
"$venv/bin/python" peers/recipe.py || { echo "peers: the data recipe gives other figures than bench/data" >&2; exit 1; }
cp peers/requirements.txt "$stamp"
echo "peers: $venv is ready"
