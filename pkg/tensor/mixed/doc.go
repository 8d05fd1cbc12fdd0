// Package mixed differentiates a log density so that long arrays are f32 and all else stays f64.
//
// A sum over 500,000 terms near -10⁶ has, in f32, an error as large as the energy differences that a sampler decides by. The
// terms themselves don't have to be better than f32: their errors are small and differ in sign. So an array with an axis
// of more than LongAxis elements, the rows of the data and what is computed from them one by one, is f32, and adding up is
// f64: what comes out of a sum, positions, scalars and short arrays.
//
// The rule, by instruction with an f64 result (or a comparison of f64), in order:
//
//   - Elementwise work and rearrangement (slices, broadcasts, look-ups, …) with a long result: in f32, from operands rounded to it.
//   - Products of matrices with a long result whose sums are not long: in f32.
//   - Everything else: in f64, from operands that are widened where they are f32. That is every sum over a long axis, cumulative
//     sums, linear algebra, the carries of loops and all that is short.
//
// A constant that f32 would turn into zero, one or infinity keeps what it meets in f64, and what is computed from that row by
// row: a guard has to go on guarding.
//
// The derivative follows: cotangents of long arrays are f32, and their sums over long axes f64, products of matrices and
// look-ups aside, which add up in f32.
package mixed
