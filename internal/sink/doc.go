// Package sink makes draws durable: it takes blocks from the transport, writes them to run directories, asks the ledger for them,
// and only then acknowledges their messages.
//
// So a block that is in the ledger is durable, and one whose message is gone is in the ledger or never will be. Whatever happens
// between two of these steps, the message comes again: the block has the same digest, is written again at worst, and is committed
// once. Who reads goes by the ledger: what else is stored is of no lineage.
package sink
