// Package stablehlo prints tensor programs as StableHLO text and parses them back: the wire and file form of a program,
// and what XLA's plugins compile.
//
// Print is lossless: Parse(Print(f)) has the canonical text of f, its names included. Operations that StableHLO has print
// as such. Where StableHLO lacks an operation or leaves open what ours defines (division of integers by zero, the upper
// triangle of a Cholesky factor, …), the operation prints as a stablehlo.composite named drey.OP, version 1, whose
// decomposition computes what ours computes; XLA runs the decomposition and Parse reads the composite back. The order in
// which XLA adds, its special functions and fused multiplications differ by some units of the last place.
//
// Parse also takes what JAX prints for the operations there are here, and says of everything else what it is and on
// which line it stands. docs/programs.md describes the text.
package stablehlo
