// Package grad differentiates tensor programs: reverse mode, forward mode and Hessians, each a map from Func to Func.
//
// The derivative of a program is a program again, so the maps compose. Derivatives follow the mathematical definition
// where it exists; elsewhere: min and max give each of two equal operands half, reductions by min and max share equally
// among equals, |x| has derivative 0 at 0, comparisons, rounding, integers and StopGradient have derivative 0.
//
// Select passes a cotangent to the chosen side alone and zero to the other. A zero times an infinite derivative is NaN
// all the same, so a side that is not differentiable where it is not chosen needs the double where: select a harmless
// operand first, apply the function to it, then select the result.
package grad
