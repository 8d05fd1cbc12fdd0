// Package kernels holds the transition kernels, one file per kernel: Init, Refresh, Begin, Tick, End as traced functions on a State struct.
//
// A kernel is written for one chain and traced once, to build a program. Momenta are kept whitened: with the metric's
// factor F (F·Fᵀ = inverse mass matrix) the whitened momentum is u = Fᵀp, so that u is standard normal, the kinetic energy
// is ½|u|², the velocity F·u, and the U-turn criterion of Betancourt (2017), appendix A.4.2, is a plain inner product:
// (M⁻¹p)·ρ = u·Σu.
package kernels
