// Package transport moves messages between coordinators, workers and the people who watch them: subjects, typed messages,
// their wire form, and the Transport interface.
//
// A message is a struct of this package. Seal encodes it and finds its subject; a Transport moves the Envelope; Open decodes
// it at the other end and refuses a message whose contents and subject disagree. Subjects name who publishes, so that a
// server's permissions on subjects decide who may say what, and Open that nobody says it in another's name.
//
// Nothing here is a guarantee of exactly one delivery. A stored message is delivered at least once until it is
// acknowledged; one that is not stored at most once per copy; any may come twice or late. The ledger of blocks decides what
// counts; Envelope.ID only spares the wire some duplicates.
//
// docs/wire.md has the subjects, the streams and every message byte by byte.
package transport
