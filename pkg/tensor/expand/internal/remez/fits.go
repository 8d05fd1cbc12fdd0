package main

import (
	. "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

// fits lists every generated table; u stands for the polynomial's variable.
var fits = []fit{
	{
		name: "expQ", doc: "approximates (e^r - 1 - r)/r² for |r| ≤ ln 2/2, weighted by r²",
		problem: problem{f: expTail, weight: square, lo: New(-0.3466), hi: New(0.3466), degree: 9},
	},
	{
		name: "logR", doc: "approximates (log((1+s)/(1-s)) - 2s)/s³ in s² ≤ 0.0295, weighted by s²",
		problem: problem{f: logTail, weight: identity, lo: New(0), hi: New(0.02945), degree: 6},
	},
	{
		name: "powP", doc: "approximates (log((1+s)/(1-s)) - 2s - 2s³/3)/s⁵ in s² ≤ 0.0295, weighted by s⁴",
		problem: problem{f: powTail, weight: square, lo: New(0), hi: New(0.02945), degree: 8},
	},
	{
		name: "sinQ", doc: "approximates (sin r - r)/r³ in r² ≤ (π/4)², weighted by r²",
		problem: problem{f: sinTail, weight: identity, lo: New(0), hi: New(0.617), degree: 5},
	},
	{
		name: "cosQ", doc: "approximates (cos r - 1 + r²/2)/r⁴ in r² ≤ (π/4)², weighted by r⁴",
		problem: problem{f: cosTail, weight: square, lo: New(0), hi: New(0.617), degree: 5},
	},
	{
		name: "atanQ", doc: "approximates (atan t - t)/t³ in t² ≤ 1, weighted by t²",
		problem: problem{f: atanTail, weight: identity, lo: New(0), hi: New(1), degree: 19},
	},
	{
		name: "erfP", doc: "approximates erf(x)/x - 1 in x² ≤ 0.84375²",
		problem: problem{f: erfRatio, weight: one, lo: New(0), hi: New(0.712), degree: 11},
	},
	{
		name: "erfcxF", doc: "approximates e^(x²) erfc(x) (1 + 2x) in v = (x-4)/(x+4), 0.84375 ≤ x ≤ 28",
		problem: problem{f: erfcxMapped(4), weight: one, lo: New(-0.6517), hi: New(0.7501), degree: 22}, split: true,
	},
	{
		name: "erfInvP", doc: "approximates erfinv(x)/x in w - 3.125, w = -log(1 - x²) ≤ 6.25",
		problem: problem{f: erfInvOf(3.125, false), weight: one, lo: New(-3.125), hi: New(3.126), degree: 24}, split: true,
	},
	{
		name: "erfInvQ", doc: "approximates erfinv(x)/x in √w - 3.25, 2.5 ≤ √w ≤ 4",
		problem: problem{f: erfInvOf(3.25, true), weight: one, lo: New(-0.751), hi: New(0.751), degree: 22}, split: true,
	},
	{
		name: "erfInvR", doc: "approximates erfinv(x)/x in √w - 5, 4 ≤ √w ≤ 6.01",
		problem: problem{f: erfInvOf(5, true), weight: one, lo: New(-1.001), hi: New(1.01), degree: 21}, split: true,
	},
	{
		name: "lgammaR", doc: "approximates log Γ(x)/((x-1)(x-2)) in v = (x-1.25)/(x+1.25), ½ ≤ x ≤ 3, relative",
		problem: relative(lgammaMapped, New(-0.4286), New(0.4119), 27), split: true,
	},
	{
		name: "lgammaTail", doc: "approximates x (log Γ(x) - (x-½) log x + x - ½ log 2π) in 1/x², x ≥ 3, weighted by 1/x",
		problem: problem{f: lgammaStirling, weight: Sqrt, lo: New(1e-20), hi: New(0.1112), degree: 10},
	},
	{
		name: "digammaS", doc: "approximates ψ(x)/(x - x0) in v = (x-1.75)/(x+1.75), 1 ≤ x ≤ 3, relative",
		problem: relative(digammaMapped, New(-0.2728), New(0.2632), 23), split: true,
	},
	{
		name: "digammaTail", doc: "approximates x² (log x - 1/(2x) - ψ(x)) in 1/x², x ≥ 3, weighted by 1/x²",
		problem: problem{f: digammaAsymptotic, weight: identity, lo: New(1e-20), hi: New(0.1112), degree: 11},
	},
	{
		name: "trigammaV", doc: "approximates ψ'(x) in v = (x-1.75)/(x+1.75), 1 ≤ x ≤ 3, relative",
		problem: relative(trigammaMapped, New(-0.2728), New(0.2632), 24), split: true,
	},
	{
		name: "trigammaTail", doc: "approximates x³ (ψ'(x) - 1/x - 1/(2x²)) in 1/x², x ≥ 3, weighted by 1/x²",
		problem: problem{f: trigammaAsymptotic, weight: identity, lo: New(1e-20), hi: New(0.1112), degree: 13},
	},
}

func one(Float) Float        { return New(1) }
func identity(u Float) Float { return u }
func square(u Float) Float   { return Mul(u, u) }

func relative(f func(Float) Float, lo, hi Float, degree int) problem {
	return problem{f: f, weight: func(u Float) Float { return Quo(New(1), f(u)) }, lo: lo, hi: hi, degree: degree}
}

// unmap returns x with v = (x - c)/(x + c).
func unmap(v Float, c float64) Float {
	return Quo(Mul(New(c), Add(New(1), v)), Sub(New(1), v))
}
