package main

import (
	bm "github.com/drey-sampler/drey/pkg/tensor/expand/internal/bigmath"
)

// fits lists every generated table; u stands for the polynomial's variable.
var fits = []fit{
	{
		name: "expQ", doc: "approximates (e^r - 1 - r)/r² for |r| ≤ ln 2/2, weighted by r²",
		problem: problem{f: expTail, weight: square, lo: bm.New(-0.3466), hi: bm.New(0.3466), degree: 9},
	},
	{
		name: "logR", doc: "approximates (log((1+s)/(1-s)) - 2s)/s³ in s² ≤ 0.0295, weighted by s²",
		problem: problem{f: logTail, weight: identity, lo: bm.New(0), hi: bm.New(0.02945), degree: 6},
	},
	{
		name: "log1pR", doc: "approximates (log((1+s)/(1-s)) - 2s)/s³ in s² ≤ 1/9, weighted by s²",
		problem: problem{f: logTail, weight: identity, lo: bm.New(0), hi: bm.New(0.11112), degree: 9},
	},
	{
		name: "powP", doc: "approximates (log((1+s)/(1-s)) - 2s - 2s³/3)/s⁵ in s² ≤ 0.0295, weighted by s⁴",
		problem: problem{f: powTail, weight: square, lo: bm.New(0), hi: bm.New(0.02945), degree: 8},
	},
	{
		name: "sinQ", doc: "approximates (sin r - r)/r³ in r² ≤ (π/4)², weighted by r²",
		problem: problem{f: sinTail, weight: identity, lo: bm.New(0), hi: bm.New(0.617), degree: 5},
	},
	{
		name: "cosQ", doc: "approximates (cos r - 1 + r²/2)/r⁴ in r² ≤ (π/4)², weighted by r⁴",
		problem: problem{f: cosTail, weight: square, lo: bm.New(0), hi: bm.New(0.617), degree: 5},
	},
	{
		name: "turnSin", doc: "approximates sin(2πb)/b in b² ≤ 1/16, relative",
		problem: relative(turnSine, bm.New(0), bm.New(0.0625), 8),
	},
	{
		name: "turnCos", doc: "approximates cos(2πb)/(1/16 - b²) in b² ≤ 1/16, relative",
		problem: relative(turnCosine, bm.New(0), bm.New(0.0625), 7),
	},
	{
		name: "atanQ", doc: "approximates (atan t - t)/t³ in t² ≤ 1, weighted by t²",
		problem: problem{f: atanTail, weight: identity, lo: bm.New(0), hi: bm.New(1), degree: 19},
	},
	{
		name: "erfP", doc: "approximates erf(x)/x - 1 in x² ≤ ¾²",
		problem: problem{f: erfRatio, weight: one, lo: bm.New(0), hi: bm.New(0.563), degree: 11},
	},
	{
		name: "erfcxF", doc: "approximates e^(x²) erfc(x) (1 + 2x) in v = (x-4)/(x+4), ¾ ≤ x ≤ 28",
		problem: problem{f: erfcxMapped(4), weight: one, lo: bm.New(-0.6843), hi: bm.New(0.7501), degree: 23}, split: true,
	},
	{
		name: "erfInvP", doc: "approximates erfinv(x)/x in w - 3.125, w = -log(1 - x²) ≤ 6.25",
		problem: problem{f: erfInvOf(3.125, false), weight: one, lo: bm.New(-3.125), hi: bm.New(3.126), degree: 24}, split: true,
	},
	{
		name: "erfInvQ", doc: "approximates erfinv(x)/x in √w - 3.25, 2.5 ≤ √w ≤ 4",
		problem: problem{f: erfInvOf(3.25, true), weight: one, lo: bm.New(-0.751), hi: bm.New(0.751), degree: 22}, split: true,
	},
	{
		name: "erfInvR", doc: "approximates erfinv(x)/x in √w - 5, 4 ≤ √w ≤ 6.01",
		problem: problem{f: erfInvOf(5, true), weight: one, lo: bm.New(-1.001), hi: bm.New(1.01), degree: 21}, split: true,
	},
	{
		name: "lgammaR", doc: "approximates log Γ(x)/((x-1)(x-2)) in v = (x-1.25)/(x+1.25), ½ ≤ x ≤ 3, relative",
		problem: relative(lgammaMapped, bm.New(-0.4286), bm.New(0.4119), 27), split: true,
	},
	{
		name: "lgammaTail", doc: "approximates x (log Γ(x) - (x-½) log x + x - ½ log 2π) in 1/x², x ≥ 3, weighted by 1/x",
		problem: problem{f: lgammaStirling, weight: bm.Sqrt, lo: bm.New(1e-20), hi: bm.New(0.1112), degree: 10},
	},
	{
		name: "digammaS", doc: "approximates ψ(x)/(x - x0) in v = (x-1.75)/(x+1.75), 1 ≤ x ≤ 3, relative",
		problem: relative(digammaMapped, bm.New(-0.2728), bm.New(0.2632), 23), split: true,
	},
	{
		name: "digammaTail", doc: "approximates x² (log x - 1/(2x) - ψ(x)) in 1/x², x ≥ 3, weighted by 1/x²",
		problem: problem{f: digammaAsymptotic, weight: identity, lo: bm.New(1e-20), hi: bm.New(0.1112), degree: 11},
	},
	{
		name: "trigammaV", doc: "approximates x ψ'(x) in v = (x-1.75)/(x+1.75), 1 ≤ x ≤ 3, relative",
		problem: relative(trigammaMapped, bm.New(-0.2728), bm.New(0.2632), 23), split: true,
	},
	{
		name: "trigammaTail", doc: "approximates x³ (ψ'(x) - 1/x - 1/(2x²)) in 1/x², x ≥ 3, weighted by 1/x²",
		problem: problem{f: trigammaAsymptotic, weight: identity, lo: bm.New(1e-20), hi: bm.New(0.1112), degree: 13},
	},
	{
		name: "expQ32", doc: "is expQ for F32",
		problem: problem{f: expTail, weight: square, lo: bm.New(-0.3467), hi: bm.New(0.3467), degree: 4}, f32: true,
	},
	{
		name: "logR32", doc: "is logR for F32",
		problem: problem{f: logTail, weight: identity, lo: bm.New(0), hi: bm.New(0.02945), degree: 2}, f32: true,
	},
	{
		name: "log1pR32", doc: "is log1pR for F32",
		problem: problem{f: logTail, weight: identity, lo: bm.New(0), hi: bm.New(0.11112), degree: 4}, f32: true,
	},
	{
		name: "powP32", doc: "is powP for F32",
		problem: problem{f: powTail, weight: square, lo: bm.New(0), hi: bm.New(0.02945), degree: 3}, f32: true,
	},
	{
		name: "atanQ32", doc: "is atanQ for F32",
		problem: problem{f: atanTail, weight: identity, lo: bm.New(0), hi: bm.New(1), degree: 8}, f32: true,
	},
	{
		name: "erfP32", doc: "is erfP for F32",
		problem: problem{f: erfRatio, weight: one, lo: bm.New(0), hi: bm.New(0.563), degree: 5}, f32: true,
	},
	{
		name: "erfcxF32", doc: "is erfcxF for F32, ¾ ≤ x ≤ 10.13",
		problem: problem{f: erfcxMapped(4), weight: one, lo: bm.New(-0.6843), hi: bm.New(0.434), degree: 9}, split: true, f32: true,
	},
}

func one(bm.Float) bm.Float        { return bm.New(1) }
func identity(u bm.Float) bm.Float { return u }
func square(u bm.Float) bm.Float   { return bm.Mul(u, u) }

func relative(f func(bm.Float) bm.Float, lo, hi bm.Float, degree int) problem {
	return problem{f: f, weight: func(u bm.Float) bm.Float { return bm.Quo(bm.New(1), f(u)) }, lo: lo, hi: hi, degree: degree}
}

// unmap returns x with v = (x - c)/(x + c).
func unmap(v bm.Float, c float64) bm.Float {
	return bm.Quo(bm.Mul(bm.New(c), bm.Add(bm.New(1), v)), bm.Sub(bm.New(1), v))
}
