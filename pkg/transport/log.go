package transport

import "fmt"

// maxAttributes bounds the keys and values of a log record.
const maxAttributes = 64

// Attribute is a key and a value of a log record.
type Attribute struct {
	Key   string // run, chain, draw, worker, epoch, pack, …
	Value string
}

// LogRecord is a line of a run's log, from any party.
type LogRecord struct {
	Run        RunID   // or NoRun
	Party      PartyID // who logs
	Sequence   uint64  // of the party's records of the run
	Time       int64   // ns since 1970, UTC, by the party's clock
	Level      int64   // as slog has it: -4 debug, 0 info, 4 warning, 8 error
	Text       string
	Attributes []Attribute
}

func (m *LogRecord) fields(c *codec) {
	c.run("Run", &m.Run)
	c.party("Party", &m.Party)
	c.u64("Sequence", &m.Sequence)
	c.i64("Time", &m.Time)
	c.i64("Level", &m.Level)
	c.text("Text", &m.Text, maxText)
	list(c, "Attributes", &m.Attributes, maxAttributes, func(c *codec, a *Attribute) {
		c.text("Key", &a.Key, MaxToken)
		c.text("Value", &a.Value, maxText)
	})
}

// Subject implements Sealed.
func (m *LogRecord) Subject() Subject { return Subject{Channel: Events, Run: m.Run, Party: m.Party} }

func (m *LogRecord) id() string {
	return fmt.Sprintf("%s/%s/%d/%d", m.Run, m.Party, m.Time, m.Sequence)
}
