package expand_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

var (
	inf     = math.Inf(1)
	nan     = math.NaN()
	negZero = math.Copysign(0, -1)
)

const tiny = 0x1p-1074

func same(a, b float64) bool {
	return a == b && math.Signbit(a) == math.Signbit(b) || math.IsNaN(a) && math.IsNaN(b)
}

func TestEdgesOfUnaryFunctions(t *testing.T) {
	cases := map[tensor.Op][][2]float64{
		tensor.OpRsqrt:    {{0, inf}, {inf, 0}, {-1, nan}, {4, 0.5}, {nan, nan}},
		tensor.OpExp:      {{0, 1}, {negZero, 1}, {inf, inf}, {-inf, 0}, {nan, nan}, {710, inf}, {709.782712893384, 0x1.fffffffffff2ap1023}, {-745.13, tiny}, {-746, 0}, {1e300, inf}, {-1e300, 0}, {tiny, 1}},
		tensor.OpExpm1:    {{0, 0}, {negZero, negZero}, {inf, inf}, {-inf, -1}, {nan, nan}, {tiny, tiny}, {-tiny, -tiny}, {-1e300, -1}, {710, inf}, {0x1p-1022, 0x1p-1022}},
		tensor.OpLog:      {{1, 0}, {0, -inf}, {negZero, -inf}, {inf, inf}, {-1, nan}, {-inf, nan}, {nan, nan}, {-tiny, nan}},
		tensor.OpLog1p:    {{0, 0}, {negZero, negZero}, {-1, -inf}, {inf, inf}, {-2, nan}, {-inf, nan}, {nan, nan}, {tiny, tiny}, {-tiny, -tiny}, {0x1p-1022, 0x1p-1022}},
		tensor.OpSin:      {{0, 0}, {negZero, negZero}, {inf, nan}, {-inf, nan}, {nan, nan}, {tiny, tiny}, {-tiny, -tiny}},
		tensor.OpCos:      {{0, 1}, {negZero, 1}, {inf, nan}, {-inf, nan}, {nan, nan}, {tiny, 1}},
		tensor.OpTan:      {{0, 0}, {negZero, negZero}, {inf, nan}, {-inf, nan}, {nan, nan}, {tiny, tiny}, {-tiny, -tiny}},
		tensor.OpTanh:     {{0, 0}, {negZero, negZero}, {inf, 1}, {-inf, -1}, {nan, nan}, {tiny, tiny}, {-tiny, -tiny}, {1e300, 1}},
		tensor.OpErf:      {{0, 0}, {negZero, negZero}, {inf, 1}, {-inf, -1}, {nan, nan}, {tiny, tiny}, {-tiny, -tiny}, {1e300, 1}},
		tensor.OpErfc:     {{0, 1}, {inf, 0}, {-inf, 2}, {nan, nan}, {1e300, 0}, {-1e300, 2}, {tiny, 1}},
		tensor.OpErfInv:   {{0, 0}, {negZero, negZero}, {1, inf}, {-1, -inf}, {1.5, nan}, {-inf, nan}, {nan, nan}, {tiny, tiny}},
		tensor.OpLgamma:   {{0, inf}, {negZero, inf}, {1, 0}, {2, 0}, {inf, inf}, {-inf, inf}, {nan, nan}, {-1, inf}, {-7, inf}, {-1e300, inf}, {1e306, inf}},
		tensor.OpDigamma:  {{0, -inf}, {negZero, inf}, {inf, inf}, {-inf, nan}, {nan, nan}, {-1, nan}, {-1e300, nan}},
		tensor.OpTrigamma: {{0, inf}, {negZero, inf}, {inf, 0}, {-inf, nan}, {nan, nan}, {-1, inf}, {1e-200, inf}, {-1e-200, inf}},
		tensor.OpSigmoid:  {{0, 0.5}, {negZero, 0.5}, {inf, 1}, {-inf, 0}, {nan, nan}, {-745.13, tiny}, {40, 1}, {-1e300, 0}, {1e300, 1}},
		tensor.OpSoftplus: {{0, math.Ln2}, {inf, inf}, {-inf, 0}, {nan, nan}, {-745.13, tiny}, {1e300, 1e300}, {-1e300, 0}, {40, 40}},
	}
	for op, rows := range cases {
		var x []float64
		for _, r := range rows {
			x = append(x, r[0])
		}
		for i, got := range apply(t, op, tensor.F64, x) {
			if !same(got, rows[i][1]) {
				t.Errorf("%s(%v) = %v, want %v", op, rows[i][0], got, rows[i][1])
			}
		}
	}
}

// TestFarAngles: beyond 2^30 sine and cosine stay finite and within [-1, 1].
func TestFarAngles(t *testing.T) {
	var x []float64
	for e := 30.0; e < 1024; e += 0.37 {
		x = append(x, math.Exp2(e), -math.Exp2(e))
	}
	x = append(x, math.MaxFloat64)
	for _, op := range []tensor.Op{tensor.OpSin, tensor.OpCos} {
		for i, got := range apply(t, op, tensor.F64, x) {
			if !(math.Abs(got) <= 1) {
				t.Errorf("%s(%v) = %v, want a number in [-1, 1]", op, x[i], got)
			}
		}
	}
	for i, got := range apply(t, tensor.OpTan, tensor.F64, x) {
		if math.IsNaN(got) {
			t.Errorf("tan(%v) is NaN", x[i])
		}
	}
}

func TestEdgesOfBinaryFunctions(t *testing.T) {
	const pi = math.Pi
	cases := map[tensor.Op][][3]float64{
		tensor.OpPow: {
			{2, 0, 1}, {nan, 0, 1}, {nan, negZero, 1}, {0, 0, 1}, {inf, 0, 1}, {1, nan, 1}, {1, inf, 1}, {1, -inf, 1}, {-1, inf, 1}, {-1, -inf, 1},
			{0, 3, 0}, {negZero, 3, negZero}, {0, -3, inf}, {negZero, -3, -inf}, {0, 2, 0}, {negZero, 2, 0}, {negZero, -2, inf}, {negZero, 2.5, 0}, {negZero, -2.5, inf},
			{0, inf, 0}, {0, -inf, inf}, {negZero, inf, 0}, {negZero, -inf, inf},
			{0.5, inf, 0}, {-0.5, inf, 0}, {0.5, -inf, inf}, {-0.5, -inf, inf}, {2, inf, inf}, {-2, inf, inf}, {2, -inf, 0}, {-2, -inf, 0},
			{inf, 2, inf}, {inf, -2, 0}, {inf, inf, inf}, {inf, -inf, 0}, {-inf, 3, -inf}, {-inf, 2, inf}, {-inf, -3, negZero}, {-inf, -2, 0}, {-inf, 2.5, inf}, {-inf, -2.5, 0}, {-inf, inf, inf}, {-inf, -inf, 0},
			{-2, 0.5, nan}, {-2, 3, -8}, {-2, 2, 4}, {nan, 2, nan}, {2, nan, nan}, {nan, nan, nan}, {-tiny, 0.3, nan},
			{2, 1023, 0x1p1023}, {2, 1024, inf}, {-2, 1025, -inf}, {2, -1074, tiny}, {2, -1076, 0}, {-2, -1077, negZero}, {1e300, 1e300, inf}, {1e300, -1e300, 0}, {1e-300, 1e300, 0}, {-1e300, 1e300, inf},
			{10, 2, 100}, {3, 1, 3}, {tiny, 1, tiny}, {0x1p-1060, 1, 0x1p-1060}, {2, tiny, 1}, {1e300, tiny, 1}, {-1, 0x1p53 - 1, -1}, {-1, 0x1p60, 1}, {4, 0.5, 2},
		},
		tensor.OpAtan2: { // (y, x)
			{0, 1, 0}, {negZero, 1, negZero}, {0, -1, pi}, {negZero, -1, -pi}, {0, 0, 0}, {negZero, 0, negZero}, {0, negZero, pi}, {negZero, negZero, -pi},
			{1, 0, pi / 2}, {-1, 0, -pi / 2}, {1, negZero, pi / 2}, {inf, 1, pi / 2}, {-inf, 1, -pi / 2}, {1, inf, 0}, {-1, inf, negZero}, {1, -inf, pi}, {-1, -inf, -pi},
			{inf, inf, pi / 4}, {-inf, inf, -pi / 4}, {inf, -inf, 3 * pi / 4}, {-inf, -inf, -3 * pi / 4}, {nan, 1, nan}, {1, nan, nan}, {nan, inf, nan}, {inf, nan, nan},
			{1, 1, pi / 4}, {tiny, 1, tiny}, {tiny, tiny, pi / 4}, {1e308, 1e-308, pi / 2}, {tiny, -1, pi}, {1e-300, 1e300, 0},
		},
		tensor.OpLogAddExp: {
			{inf, inf, inf}, {-inf, -inf, -inf}, {inf, -inf, inf}, {-inf, 3, 3}, {3, -inf, 3}, {inf, 0, inf}, {nan, 0, nan}, {0, nan, nan}, {nan, inf, nan}, {-inf, nan, nan},
			{0, 0, math.Ln2}, {1e300, -1e300, 1e300}, {-1000, -1000, -1000 + math.Ln2}, {0, -745.13, tiny},
		},
	}
	for op, rows := range cases {
		var x, y []float64
		for _, r := range rows {
			x, y = append(x, r[0]), append(y, r[1])
		}
		for i, got := range apply(t, op, tensor.F64, x, y) {
			if !same(got, rows[i][2]) {
				t.Errorf("%s(%v, %v) = %v, want %v", op, x[i], y[i], got, rows[i][2])
			}
		}
	}
}
