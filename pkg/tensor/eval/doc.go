// Package eval evaluates tensor programs directly, one instruction after the other, in plain Go: the oracle that every
// engine is compared with, and the constant folder.
//
// What it computes is the definition of a program's result, bit for bit:
//
//   - Each operation rounds once, in the dtype of its operands. Nothing is fused: products are rounded before they are
//     added (Go may fuse x*y+z on some machines, an explicit float64() prevents it).
//   - A NaN has no sign and no payload. Every float that enters or is computed is made canonical here, 0x7ff8000000000000
//     or 0x7fc00000. Engines need not do that, so the integer that a NaN is bitcast to is unspecified, and comparisons of
//     results take all NaN as equal.
//   - Min and max give NaN where an operand is NaN, and -0 is smaller than +0 in them; in comparisons, argmin, argmax and
//     sorts the two zeros are equal, and sorts are stable.
//   - Accumulations begin at +0 (products at 1) and run in the order that the instruction carries: lanes or index.
//   - exp, log, lgamma and the other functions without a hardware instruction are the expansions of tensor/expand;
//     Go's math package never computes them.
//   - Operations never fail at run time. Indices clamp or are dropped, integer division by zero gives zero.
package eval
