// Package vmap makes the batched form of a program: one that computes what the program computes for each of many lanes, a
// chain each, to the bit.
//
// Values that do not depend on a batched parameter stay as they are. The others get one axis more, of the lanes: the last
// one, so that elementwise work and reductions run over lanes side by side, or the first one behind cholesky, triangular
// solves and products, as StableHLO wants it. Sums keep their order.
//
// Control flow that differs between lanes is done for all of them. A Cond computes both branches and selects; nothing of the
// branch that a lane does not take gets into it, NaN neither. The longer branch is computed only if some lane takes it, and
// selects where it is computed: what no lane changes is not copied. A While goes on until its last lane is done, and a lane
// that is done, or that did not take the branch around the loop, changes no more; a carried Value that nothing reads after
// the loop, and whose steps lanes share, stays shared.
//
// A select of a large array would cost a pass over it. So an update inside a branch or a loop is masked itself: it writes
// into the lanes that are active and leaves the others as they were. What comes out of a chain of such updates needs no
// select against what went in, and where both branches update an array, the second goes on from what the first made.
package vmap
