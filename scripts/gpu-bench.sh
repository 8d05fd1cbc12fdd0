#!/bin/sh
# Runs XLA's tests and the benchmarks of many chains on this machine's NVIDIA GPU, beside NumPyro on the same GPU, and writes
# bench/out/gpu.json and bench/out/gpu.md, a section for docs/benchmarks.md. Without a GPU it says so and succeeds.
#
#   WHEELS=DIR    a directory with the wheels of the plugin, in the place of the Python package index
#   PYTHON=PATH   the interpreter of the peers' environment (default: python3.11, else python3)
#   ROUNDS=N      runs of each measurement (default 3), the tools in turn
#   CHAINS="N …"  numbers of chains of eight schools (default 1000 10000 100000)
#   BATCH=N       chains that a call of the engine advances (default: all)
#   DREY_REQUIRE=gpu,peers  makes the want of a GPU, or of NumPyro on it, a failure
set -u
case $0 in */*) cd "${0%/*}/.." ;; *) cd .. ;; esac || exit 1
out=bench/out
runs=$out/gpu.jsonl
venv=bench/.venv-gpu
rounds=${ROUNDS:-3}
batch=${BATCH:-}
jax=$(sed -n 's/^jax==//p' bench/peers/requirements.txt)

required() {
	case ",${DREY_REQUIRE:-}," in *,"$1",*) return 0 ;; *) return 1 ;; esac
}

if ! gpu=$(nvidia-smi --id=0 --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null); then
	echo "skipped: no GPU"
	! required gpu
	exit
fi

# python makes the peers' environment: the pinned packages, and JAX's plugin of the same version with the libraries it needs.
python() {
	[ -f "$venv/ready" ] && cmp -s bench/peers/requirements.txt "$venv/ready" && return
	interpreter=${PYTHON:-$(command -v python3.11 || command -v python3)} || return
	"$interpreter" -m venv --clear "$venv" &&
		"$venv/bin/pip" install --quiet --no-deps --only-binary=:all: -r bench/peers/requirements.txt &&
		"$venv/bin/pip" install --quiet --only-binary=:all: "jax[cuda13]==$jax" &&
		"$venv/bin/python" -c 'import jax, sys; sys.exit(jax.default_backend() != "gpu")' &&
		cp bench/peers/requirements.txt "$venv/ready"
}

mkdir -p $out/bin || exit
export CGO_ENABLED=1
go build -o $out/bin/ ./cmd/drey ./bench/cmd/dreybench ./bench/cmd/gpureport || exit
if [ -n "${WHEELS:-}" ]; then
	$out/bin/drey xla install cuda --yes --from "$WHEELS" || exit
else
	$out/bin/drey xla install cuda --yes || exit
fi
$out/bin/drey doctor || exit
status=0
DREY_XLA_PLATFORM=cuda DREY_REQUIRE=xla go run ./internal/gotest -timeout 60m ./pkg/engine/xla/... ./integration/xla || status=1

peers=yes
python || {
	peers=
	echo "skipped: no NumPyro on the GPU"
	required peers && exit 1
}

# measure MODEL CHAINS PRECISION SEED FLAGS…: a measurement of each tool.
measure() {
	model=$1 chains=$2 precision=$3 seed=$4
	shift 4
	set -- --model "$model" --chains "$chains" --precision "$precision" --seed "$seed" "$@"
	echo "round $seed: $model, $chains chains, $precision" >&2
	$out/bin/dreybench "$@" --engine xla:cuda --batch "${batch:-$chains}" >>$runs || status=1
	[ -z "$peers" ] || JAX_PLATFORMS=cuda "$venv/bin/python" bench/peers/numpyro_bench.py "$@" --chain-method vectorized >>$runs || status=1
}

: >$runs
round=1
while [ "$round" -le "$rounds" ]; do
	for precision in f32 f64; do
		for chains in ${CHAINS:-1000 10000 100000}; do
			measure eight-schools "$chains" "$precision" "$round" --warmup 300 --repeat-lengths 20,120
		done
		measure logistic-regression 16 "$precision" "$round" --rows 581012 --warmup 200 --repeat-lengths 20,120
	done
	round=$((round + 1))
done
$out/bin/gpureport -machine "$gpu, $(uname -srm)" -out $out/gpu.json <$runs >$out/gpu.md || status=1
cat $out/gpu.md
exit $status
