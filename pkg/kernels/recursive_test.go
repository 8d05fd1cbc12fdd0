package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// recursive is NUTS written plainly: doubling by recursion, all leaves kept, momenta not whitened, logarithmic weights.
type recursive struct {
	d           density
	eps         float64
	inverseMass []float64
	rule        kernels.UTurnRule
	maxDepth    int
	seed        uint64
	draw, chain uint32

	start, accept, margin float64 // margin: how close the closest decision was
	leaves                int
	logWeight             float64 // of the subtree so far
	proposal              *node
	diverging             bool
}

// node is a leaf of the trajectory.
type node struct {
	q, p, g    []float64
	lp, energy float64
}

func (r *recursive) kinetic(p []float64) float64 {
	k := 0.0
	for i := range p {
		k += 0.5 * p[i] * p[i] * r.inverseMass[i]
	}
	return k
}

func (r *recursive) leap(z *node, eps float64) *node {
	n := len(z.q)
	out := &node{q: make([]float64, n), p: make([]float64, n)}
	for i := range n {
		out.p[i] = z.p[i] + eps/2*z.g[i]
		out.q[i] = z.q[i] + eps*r.inverseMass[i]*out.p[i]
	}
	out.lp, out.g = r.d.plain(out.q)
	for i := range n {
		out.p[i] += eps / 2 * out.g[i]
	}
	out.energy = r.kinetic(out.p) - out.lp
	if math.IsNaN(out.energy) {
		out.energy = math.Inf(1)
	}
	return out
}

func (r *recursive) words(leaf int) [4]uint32 {
	return rng.Philox([4]uint32{0, uint32(rng.PurposeTrajectory)<<24 | uint32(leaf), r.draw, r.chain}, [2]uint32{uint32(r.seed), uint32(r.seed >> 32)})
}

// decide reports a < b and remembers how close it was.
func (r *recursive) decide(a, b float64) bool {
	r.margin = min(r.margin, math.Abs(a-b)/(1e-300+math.Abs(a)+math.Abs(b)))
	return a < b
}

// straight checks a list of leaves for a U-turn between two of them.
func (r *recursive) straight(sum []*node, half bool, a, b *node) bool {
	rho := make([]float64, len(a.p))
	for _, z := range sum {
		for i := range rho {
			rho[i] += z.p[i]
		}
	}
	if half {
		for i := range rho {
			rho[i] -= (a.p[i] + b.p[i]) / 2
		}
	}
	da, db, na, nb := 0.0, 0.0, 0.0, 0.0
	for i := range rho {
		da += rho[i] * a.p[i] * r.inverseMass[i]
		db += rho[i] * b.p[i] * r.inverseMass[i]
		na += math.Abs(rho[i] * a.p[i] * r.inverseMass[i])
		nb += math.Abs(rho[i] * b.p[i] * r.inverseMass[i])
	}
	r.margin = min(r.margin, math.Abs(da)/na, math.Abs(db)/nb)
	return da > 0 && db > 0
}

// turns checks two halves, each in the order of the trajectory away from the other's far end.
func (r *recursive) turns(first, second []*node) bool {
	all := append(append([]*node(nil), first...), second...)
	a, b := first[0], second[len(second)-1]
	if r.rule == kernels.NumPyroRule {
		return !r.straight(all, true, a, b)
	}
	inner, outer := first[len(first)-1], second[0]
	left := append(append([]*node(nil), first...), outer)
	right := append([]*node{inner}, second...)
	return !(r.straight(all, false, a, b) && r.straight(left, false, a, outer) && r.straight(right, false, inner, b))
}

// build returns the leaves of a subtree that begins after z, and whether it may be used.
func (r *recursive) build(z *node, depth int, eps float64) ([]*node, bool) {
	if depth == 0 {
		words := r.words(r.leaves)
		r.leaves++
		leaf := r.leap(z, eps)
		fall := r.start - leaf.energy
		r.accept += math.Min(1, math.Exp(fall))
		if !(fall >= -1000) {
			r.diverging = true
			return []*node{leaf}, false
		}
		high := math.Max(r.logWeight, fall)
		total := high + math.Log(math.Exp(r.logWeight-high)+math.Exp(fall-high))
		if r.decide(math.Log(rng.Float53(words[0], words[1])), fall-total) {
			r.proposal = leaf
		}
		r.logWeight = total
		return []*node{leaf}, true
	}
	first, ok := r.build(z, depth-1, eps)
	if !ok {
		return first, false
	}
	second, ok := r.build(first[len(first)-1], depth-1, eps)
	return append(first, second...), ok && !r.turns(first, second)
}

func (r *recursive) sample(q, p []float64) step {
	lp, g := r.d.plain(q)
	z := &node{q: q, p: p, g: g, lp: lp, energy: r.kinetic(p) - lp}
	r.start, r.margin = z.energy, math.Inf(1)
	tree, draw, logTree, eps := []*node{z}, z, 0.0, r.eps
	depth := 0
	for depth < r.maxDepth {
		r.logWeight = math.Inf(-1)
		subtree, ok := r.build(tree[len(tree)-1], depth, eps)
		if !ok {
			break
		}
		words := r.words(r.leaves - 1)
		if r.decide(math.Log(rng.Float53(words[2], words[3])), r.logWeight-logTree) {
			draw = r.proposal
		}
		high := math.Max(logTree, r.logWeight)
		logTree = high + math.Log(math.Exp(logTree-high)+math.Exp(r.logWeight-high))
		depth++
		turned := r.turns(tree, subtree)
		tree = append(tree, subtree...)
		if turned {
			break
		}
		if words[3]&1 != 0 {
			for i, j := 0, len(tree)-1; i < j; i, j = i+1, j-1 {
				tree[i], tree[j] = tree[j], tree[i]
			}
			eps = -eps
		}
	}
	return step{draw.q, draw.g, draw.lp, draw.energy, r.accept / float64(r.leaves), math.Abs(eps), r.diverging, depth, r.leaves}
}

// momentum returns the whitened momentum of a step.
func momentum(t testing.TB, in []*tensor.Array) []float64 {
	out := evaluate(t, in[:4], func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{key(v).With(rng.PurposeMomentum).Normal(v[3].Dim(0))}
	})
	return out[0].Float64s()
}

// TestNUTSIsTheRecursion compares steps with the recursive form under the same random numbers: trees, proposals and statistics
// are the same. Rounding differs (whitening, linear weights), so that a step with a decision on a knife's edge is left out.
func TestNUTSIsTheRecursion(t *testing.T) {
	targets := []struct {
		name  string
		d     density
		eps   float64 // largest
		start float64 // scale of the first position
	}{
		{"standard", normal(1, 1, 1, 1, 1), 1.6, 1},
		{"scales", normal(0.1, 1, 3, 20), 0.25, 1},
		{"one dimension", normal(2), 4, 1},
		{"banana", banana(4), 0.8, 1},
		{"unstable", normal(0.05, 1), 0.2, 1},
		{"walled", walled(2), 0.8, 0.3},
		{"far out", normal(1, 1), 1.9, 100}, // near its limit of stability the energy first falls by thousands
	}
	for _, rule := range []kernels.UTurnRule{kernels.StanRule, kernels.NumPyroRule} {
		for _, c := range targets {
			t.Run(fmt.Sprint(c.name, rule), func(t *testing.T) { compareSteps(t, rule, c.d, c.eps, c.start) })
		}
	}
}

func compareSteps(t *testing.T, rule kernels.UTurnRule, d density, largest, start float64) {
	const maxDepth, trials = 7, 60
	random := rand.New(rand.NewPCG(1, uint64(d.dim)))
	k := kernels.NUTS{MaxTreeDepth: maxDepth, Rule: rule}
	factor, inverseMass := make([]float64, d.dim), make([]float64, d.dim)
	in := []*tensor.Array{u64(0), u32(0), u32(0), vector(make([]float64, d.dim)...), scalar(1), vector(factor...)}
	program := stepper(t, k, d, in)
	skipped, deepest, diverged, turnedInside, fall := 0, 0, 0, 0, 0.0
	for trial := range trials {
		q, p := make([]float64, d.dim), make([]float64, d.dim)
		for i := range q {
			q[i] = start * random.NormFloat64()
			factor[i] = math.Exp(random.NormFloat64() / 2)
			inverseMass[i] = factor[i] * factor[i]
		}
		r := &recursive{d: d, eps: largest * math.Exp(-3*random.Float64()), inverseMass: inverseMass, rule: rule, maxDepth: maxDepth,
			seed: random.Uint64(), draw: uint32(trial), chain: random.Uint32()}
		in = []*tensor.Array{u64(r.seed), u32(r.chain), u32(r.draw), vector(q...), scalar(r.eps), vector(factor...)}
		for i, u := range momentum(t, in) {
			p[i] = u / factor[i]
		}
		want := r.sample(q, p)
		if r.margin < 1e-9 {
			skipped++
			continue
		}
		got := take(t, program, in)
		requireSame(t, trial, got, want)
		deepest, fall = max(deepest, got.depth), max(fall, r.start-want.energy)
		if got.diverging {
			diverged++
		}
		if got.steps != 1<<got.depth-1 {
			turnedInside++
		}
	}
	if skipped > trials/10 {
		t.Errorf("%d of %d steps had a decision too close to call", skipped, trials)
	}
	if start > 1 && fall < 800 {
		t.Errorf("the energy fell by %v at most: weights were never near overflow", fall)
	}
	t.Logf("fall %.0f, deepest %d, diverging %d, ended inside a subtree %d, skipped %d", fall, deepest, diverged, turnedInside, skipped)
}

func requireSame(t *testing.T, trial int, got, want step) {
	t.Helper()
	if got.depth != want.depth || got.steps != want.steps || got.diverging != want.diverging {
		t.Fatalf("trial %d: depth %d, steps %d, diverging %v; want %d, %d, %v",
			trial, got.depth, got.steps, got.diverging, want.depth, want.steps, want.diverging)
	}
	const tol = 1e-8 // rounding grows along trajectories of up to 127 steps, at most a few orders here
	for i := range want.position {
		if !near(got.position[i], want.position[i], tol) || !near(got.gradient[i], want.gradient[i], tol) {
			t.Fatalf("trial %d: position %v gradient %v, want %v, %v", trial, got.position, got.gradient, want.position, want.gradient)
		}
	}
	for _, x := range [][3]any{{"log density", got.logDensity, want.logDensity}, {"energy", got.energy, want.energy},
		{"acceptance rate", got.accept, want.accept}, {"step size", got.size, want.size}} {
		if !near(x[1].(float64), x[2].(float64), tol) {
			t.Fatalf("trial %d: %s %v, want %v", trial, x[0], x[1], x[2])
		}
	}
}
