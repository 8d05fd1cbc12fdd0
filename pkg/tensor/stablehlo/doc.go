// Package stablehlo prints tensor programs as StableHLO text: the wire and file form of a program, and what XLA's
// plugins compile.
//
// Print is lossless. Operations that StableHLO has print
// as such. Where StableHLO lacks an operation or leaves open what ours defines (division of integers by zero, the upper
// triangle of a Cholesky factor, …), the operation prints as a stablehlo.composite named drey.OP, version 1, whose
// decomposition computes what ours computes. The order in
// which XLA adds, its special functions and fused multiplications differ by some units of the last place.
package stablehlo
