// Package simplify rewrites a program into a smaller and faster one: dead code, common subexpressions, constants, loop
// invariants, algebra.
//
// It runs on a Func before any engine sees it, so all engines still agree to the bit on what it returns. Most rewrites
// keep every bit of the results; these may change them, for a value that is as good or better:
//
//   - x + 0 → x, x - (-0) → x, and the sum of one element → that element: a zero may keep its sign.
//   - Zero-padded pieces that are added become one concatenation, the negative of one is padded again: likewise.
//   - The sum over a broadcast axis of length n → n·x: one rounding for n.
//   - log(exp x) → x and log1p(expm1 x) → x: no overflow, no rounding.
//   - pow(x, 2) → x·x, pow(x, 1) → x, pow(x, 0) → 1, pow(x, -1) → 1/x.
//   - 0·x → 0 where x is known to be finite: 0 for -0.
//   - x/w → x·(1/w) for a w from outside the loop that x changes in: one division instead of one a turn, at the price of a
//     second rounding. (1/w overflows for |w| < 2^-1024.)
//
// Calls are inlined and derivatives stop here: run it after tensor/grad, on what an engine is going to compile. A loop
// none of whose results is used is dropped, also one that would not end.
package simplify

import "github.com/drey-sampler/drey/pkg/tensor"

// Run returns a Func with the parameters, results and meaning of f. The same f gives the same text on every machine, and
// running it again changes nothing. It takes a few microseconds an instruction. It panics if f was not made by package
// tensor's tracing.
func Run(f *tensor.Func) *tensor.Func {
	return newGraph().run(f)
}

// Exact is Run without the rewrites that may change bits: for engines, which compute what the Func they get says, after
// they have expanded functions or lowered instructions.
func Exact(f *tensor.Func) *tensor.Func {
	g := newGraph()
	g.exact = true
	return g.run(f)
}

func (g *graph) run(f *tensor.Func) *tensor.Func {
	params := make([]*node, len(f.Body.Params))
	for i, p := range f.Body.Params {
		params[i] = g.param(g.root, i, p.Node())
	}
	g.root.params = params
	g.root.results = g.inline(f.Body, params)
	g.markLive()
	g.place()
	return g.emit(f)
}
