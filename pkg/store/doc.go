// Package store keeps draws on disk: Arrow segments, checkpoints, the description of the run, and exports.
//
// A run is a directory with one writer at a time (.drey-lock) and any number of readers:
//
//	run.json                everything needed to repeat the run (type Run)
//	data.arrow, init.json, inverse-mass-matrix.json    copies of the run's inputs
//	segment-NNNNNN.arrow    draws and sample statistics: whole Arrow IPC files, never changed once they have their name
//	checkpoint              the chains' states to go on from
//	blocks-NNNNNN, ledger   of a run whose blocks a ledger puts in order: which blocks the segment of that number holds, with the
//	                        states after them; and each pack's last block that counts
//	posterior_predictive/, prior_predictive/    run directories of predictive draws
//
// # Segments
//
// A segment is one Arrow IPC file of record batches; a batch holds consecutive draws of a chain in one phase, then those of
// another, and so on. Its columns are chain (int32), draw (int64, from 0 in each chain and phase), phase (int8: 0 sampling, 1 warmup), the
// sample statistics as plain columns under ArviZ's names, and one FixedSizeList column per site, whose elements are in
// row-major order; a scalar site is a list of size 1. A site with the name of another column is stored as "site:NAME".
// The schema's metadata has the key "drey" with the JSON of the Schema; a site's field has "shape" and "dims".
//
// # What a crash leaves
//
// Every file is written under a temporary name, synced, renamed, and its directory synced. Flush first makes the
// segment durable, then the checkpoint. So at any moment the draws that the checkpoint covers are in the segments, and
// the segments may hold draws beyond it. A resumed chain goes on from its checkpoint (or from its start, without one),
// makes those draws again and appends them under the same numbers; Append compares them with what is stored and stores
// nothing twice, so a reader sees each (chain, draw) once. Draws that differ from the stored ones are an error: another
// program, or a damaged file. A kill loses no more than what was appended since the last Flush.
//
// # Runs with a ledger
//
// A coordinator's run is stored by a BlockWriter, in blocks of packs of chains. The rows of its segments are blocks one after
// another, and those of a block all draws of its first chain, then those of the next. A segment is durable before its index, and
// an index before the ledger has its blocks; a block of the ledger that is not in the store is an error. Blocks may be stored
// twice, or for lineages that came to nothing: a reader begins with each pack's last block in the ledger and follows the digests
// of the blocks before.
package store
