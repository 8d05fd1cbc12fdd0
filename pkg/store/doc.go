// Package store keeps draws on disk: Arrow segments, blocks to go on from, the description of the run, and exports.
//
// A run is a directory with one writer at a time (.drey-lock) and any number of readers:
//
//	run.json                everything needed to repeat the run (type Run)
//	data.arrow, init.json, inverse-mass-matrix.json    copies of the run's inputs
//	segment-NNNNNN.arrow    draws and sample statistics: whole Arrow IPC files, never changed once they have their name
//	blocks-NNNNNN, ledger   of a run whose blocks a ledger puts in order: which blocks the segment of that number holds, with the
//	                        states after them; and each pack's last block that counts
//	catalog, draws-NNNNNN.parquet, beyond-NNNNNN.parquet, states-NNNNNN
//	                        of such a run, once it has ended: what was put together of the segments and indexes that there were
//	coordinator.log, coordinator.snapshot, outcome    what the coordinator of a run on one machine has decided
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
// Every file is written under a temporary name, synced, renamed, and its directory synced. So at any moment the directory holds whole
// segments, and a reader sees each (chain, draw) once. A kill loses no more than what was not written yet.
//
// # Runs with a ledger
//
// Sampling runs are stored by a BlockWriter, in blocks of packs of chains. The rows of its segments are blocks one after another, and
// those of a block all draws of its first chain, then those of the next. A segment and its index are made durable together, before the
// ledger has their blocks; a block of the ledger that is not in the store is an error. Blocks may be stored twice, or for lineages that
// came to nothing: a reader begins with each pack's last block in the ledger and follows the digests of the blocks before. A block that
// was cut off, because its run was interrupted, stands in the ledger file after its pack's last block, until that has another in its
// place: so it is read, and its state is what the run goes on from.
//
// # Tables
//
// BlockWriter.Gather puts together what has come in many small segments. The draws that count, sorted by phase, chain and number, become
// Parquet tables with a column for each element; draws beyond them become tables of their own. The states become one file. The
// catalog names these files and the blocks in them. A new catalog replaces the old one at once, when all that it names is durable and was
// compared with what was there; only then is removed what it stands for. So at any moment the blocks of the ledger are in the catalog,
// or in segments, or in both, and digests tell which are which. A reader whose files have gone looks at the catalog again. Numbers of
// files are never given twice.
package store
