package transport

import (
	"fmt"
	"strings"
)

// Copy asks another coordinator to make blocks durable, which count once most coordinators have. Their contents are those of the
// workers' messages: inline, or objects of Results. Reply: Copied.
type Copy struct {
	To     PartyID
	Blocks []Block
}

func (m *Copy) fields(c *codec) {
	c.party("To", &m.To)
	blocks(c, &m.Blocks)
}

func (m *Copy) check() error { return checkBlocks(m.Blocks) }

// Subject implements Sealed.
func (m *Copy) Subject() Subject { return addressed(m, m.To) }

// Copied says which blocks of a Copy are durable now, in the same order.
type Copied struct {
	Durable []bool
}

func (m *Copied) fields(c *codec) {
	list(c, "Durable", &m.Durable, maxCommits, func(c *codec, v *bool) { c.flag("Durable", v) })
}

// Fetch asks another coordinator for blocks of a run that the ledger has. Reply: Fetched.
type Fetch struct {
	To    PartyID
	Run   RunID
	Wants []Want
}

// Want is blocks of a pack that follow one another.
type Want struct {
	Pack        PackID
	From, Until uint64 // indexes, of which Until is not wanted
}

func (m *Fetch) fields(c *codec) {
	c.party("To", &m.To)
	c.run("Run", &m.Run)
	list(c, "Wants", &m.Wants, maxCommits, func(c *codec, w *Want) {
		c.pack("Pack", &w.Pack)
		c.u64("From", &w.From)
		c.u64("Until", &w.Until)
	})
}

// Subject implements Sealed.
func (m *Fetch) Subject() Subject { return addressed(m, m.To) }

// Fetched has the blocks of a Fetch that its receiver has, as many of the first as a message holds. A content that is too long for
// one is an object of Outcome. What the ledger does not keep is not theirs: epoch, worker, class, decision.
type Fetched struct {
	Blocks []Block
}

func (m *Fetched) fields(c *codec) { blocks(c, &m.Blocks) }

func (m *Fetched) check() error { return checkBlocks(m.Blocks) }

func blocks(c *codec, v *[]Block) {
	list(c, "Blocks", v, maxCommits, func(c *codec, b *Block) { b.fields(c) })
}

func checkBlocks(list []Block) error {
	for i := range list {
		if err := list[i].check(); err != nil {
			return fmt.Errorf("block %d: %w", i, err)
		}
	}
	return nil
}

// maxOverhead is the most that a block takes in a message beside its content and the texts: 8 numbers, 4 digests, the lengths.
const maxOverhead = 256

// Batch returns how many of the first blocks fit into one message of their own; at least one, if there is any.
func Batch(list []*Block) int {
	room := MaxMessage - maxOverhead
	for i, b := range list {
		room -= maxOverhead + len(b.Lease.Run) + len(b.Worker) + len(b.Class) + len(b.Content.Inline)
		if i == maxCommits || i > 0 && room < 0 {
			return i
		}
	}
	return len(list)
}

// Join asks the coordinator that leads to take another into the group, in the place of one of its name whose disk is lost. Reply: Done, once
// it votes there.
type Join struct {
	Command Command // of who joins
	Address string  // HOST:PORT where the others reach its Raft
}

func (m *Join) fields(c *codec) {
	m.Command.visit(c)
	c.text("Address", &m.Address, 4*MaxToken)
}

// Subject implements Sealed.
func (m *Join) Subject() Subject { return control(m, m.Command.Party) }

// addressed returns the subject of a request to one coordinator.
func addressed(m Message, to PartyID) Subject {
	return Subject{Channel: Copies, Verb: strings.ToLower(NameOf(m)), Party: to}
}
