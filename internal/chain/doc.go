// Package chain runs a batch of chains on one engine: warmup, draws, checkpoint. The only place where kernels meet adapt.
//
// Compile makes the programs of a model under a kernel once; every chain of a run shares them. A Worker is what one thread
// needs to run chains: sessions of the programs, whose memory holds the data and one chain's state at a time. A Chain is a
// chain's state between slices, in ordinary memory; Worker.Advance swaps it in, runs it for a while, and swaps it out.
//
// Everything that can reach a draw is computed by the traced programs from (seed, chain, draw, purpose, leaf) and the
// chain's own state. So a chain's draws do not depend on the other chains, on which worker runs which slice, or on how many
// ticks a call makes. Nothing in Advance allocates.
package chain
