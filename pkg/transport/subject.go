package transport

import (
	"strconv"
	"strings"
)

// RunID names a run: a token of at most MaxToken letters, digits, '-' and '_'.
type RunID string

// NoRun stands in subjects of messages that are about no run.
const NoRun RunID = "_"

// PartyID names whoever publishes: a worker, a coordinator, a person's client. It is a token like a RunID.
type PartyID string

// PackID is the number of a pack in its run, from 0.
type PackID uint32

// MaxToken is the longest RunID or PartyID in bytes.
const MaxToken = 64

// Channel is a family of subjects with one way of delivery. The list is closed.
type Channel uint8

// The channels.
const (
	Draws      Channel = iota // worker → sink: Block
	Statistics                // worker → coordinator: Moments
	Events                    // anyone → whoever reads the log of a run: LogRecord
	Decisions                 // coordinator → workers of a run: Decision, RunEnd
	Progress                  // coordinator → whoever watches a run: RunStatus
	Heartbeats                // worker → coordinator and whoever watches: Heartbeat
	Notices                   // coordinator → one worker: Committed, LeaseExpired, Drain
	Control                   // anyone → coordinator: requests, each with a reply
	Copies                    // coordinator → one coordinator: requests about the blocks that each keeps
	channels
)

// Delivery is how the messages of a channel are delivered.
type Delivery uint8

// The ways of delivery.
const (
	Queue     Delivery = iota // stored; each goes to one of the subscribers, again and again until it is acknowledged
	History                   // stored, the oldest dropped beyond a bound; each subscriber gets all from the oldest on
	Broadcast                 // not stored; every subscriber of the moment gets it, unless it is slow
	Service                   // not stored; one of the subscribers gets it and replies
)

// part is a token of a subject after the channel's name.
type part uint8

const (
	partRun part = iota
	partPack
	partVerb
	partParty
)

var channelTable = [channels]struct {
	name     string
	delivery Delivery
	parts    []part
}{
	Draws:      {"draws", Queue, []part{partRun, partPack, partParty}},
	Statistics: {"stats", Queue, []part{partRun, partPack, partParty}},
	Events:     {"ev", History, []part{partRun, partParty}},
	Decisions:  {"dec", Broadcast, []part{partRun}},
	Progress:   {"live", Broadcast, []part{partRun}},
	Heartbeats: {"hb", Broadcast, []part{partParty}},
	Notices:    {"to", Broadcast, []part{partParty}},
	Control:    {"ctl", Service, []part{partVerb, partParty}},
	Copies:     {"copy", Service, []part{partVerb, partParty}},
}

// Channels returns all channels.
func Channels() []Channel {
	out := make([]Channel, channels)
	for i := range out {
		out[i] = Channel(i)
	}
	return out
}

// String returns the channel's token in subjects.
func (c Channel) String() string {
	if c >= channels {
		return "channel" + strconv.Itoa(int(c))
	}
	return channelTable[c].name
}

// Delivery returns how messages of the channel are delivered.
func (c Channel) Delivery() Delivery { return channelTable[c].delivery }

// Addressed reports whether the party in the channel's subjects is who receives rather than who publishes. A Service that is
// addressed is one of each party.
func (c Channel) Addressed() bool { return c == Notices || c == Copies }

// Subject is where a message is published. Only the fields that its channel has tokens for are set.
type Subject struct {
	Channel Channel
	Run     RunID
	Pack    PackID
	Verb    string  // what is asked: the request's name in lower case
	Party   PartyID // who publishes; to whom where the channel is addressed
}

// String returns the subject as the wire has it: drey.CHANNEL and its tokens, with dots between.
func (s Subject) String() string {
	b := []byte("drey." + s.Channel.String())
	for _, p := range s.Channel.parts() {
		b = append(b, '.')
		switch p {
		case partRun:
			b = append(b, s.Run...)
		case partPack:
			b = strconv.AppendUint(b, uint64(s.Pack), 10)
		case partVerb:
			b = append(b, s.Verb...)
		case partParty:
			b = append(b, s.Party...)
		}
	}
	return string(b)
}

func (c Channel) parts() []part {
	if c >= channels {
		return nil
	}
	return channelTable[c].parts
}

// Check returns an error of kind Invalid if a token of the subject is missing or no token.
func (s Subject) Check() error {
	if s.Channel >= channels {
		return Errorf(Invalid, "subject", "there is no channel %d", s.Channel)
	}
	if back, err := ParseSubject(s.String()); err != nil || back != s {
		return Errorf(Invalid, "subject", "%q does not name a subject of channel %s: runs and parties have 1 to %d letters, digits, - and _",
			s.String(), s.Channel, MaxToken)
	}
	return nil
}

// ParseSubject is the inverse of Subject.String.
func ParseSubject(text string) (Subject, error) {
	bad := Errorf(Invalid, "subject", "%.200q is no subject of drey", text)
	tokens := strings.Split(text, ".")
	if len(tokens) < 2 || tokens[0] != "drey" {
		return Subject{}, bad
	}
	s := Subject{Channel: channels}
	for _, c := range Channels() {
		if c.String() == tokens[1] {
			s.Channel = c
		}
	}
	parts := s.Channel.parts()
	if s.Channel == channels || len(tokens) != 2+len(parts) {
		return Subject{}, bad
	}
	for i, p := range parts {
		token := tokens[2+i]
		if !IsToken(token) {
			return Subject{}, bad
		}
		switch p {
		case partRun:
			s.Run = RunID(token)
		case partPack:
			n, err := strconv.ParseUint(token, 10, 32)
			if err != nil || strconv.FormatUint(n, 10) != token {
				return Subject{}, bad
			}
			s.Pack = PackID(n)
		case partVerb:
			s.Verb = token
		case partParty:
			s.Party = PartyID(token)
		}
	}
	return s, nil
}

// IsToken reports whether text can be a RunID or a PartyID.
func IsToken(text string) bool {
	if len(text) == 0 || len(text) > MaxToken {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// Filter chooses messages of a channel. An empty Run or Party stands for any.
type Filter struct {
	Channel Channel
	Run     RunID
	Party   PartyID
}

// String returns the filter as a subject with * for what may be anything.
func (f Filter) String() string {
	tokens := []string{"drey", f.Channel.String()}
	for _, p := range f.Channel.parts() {
		switch {
		case p == partRun && f.Run != "":
			tokens = append(tokens, string(f.Run))
		case p == partParty && f.Party != "":
			tokens = append(tokens, string(f.Party))
		default:
			tokens = append(tokens, "*")
		}
	}
	return strings.Join(tokens, ".")
}

// Check returns an error of kind Invalid if no subject can match, or if the filter divides a queue or a service: all
// subscribers of one share its messages. Of a service that each party has the filter names the party.
func (f Filter) Check() error {
	if f.Channel >= channels {
		return Errorf(Invalid, "subscribe", "there is no channel %d", f.Channel)
	}
	d := f.Channel.Delivery()
	switch own := d == Service && f.Channel.Addressed(); {
	case own && f.Party == "":
		return Errorf(Invalid, "subscribe", "%s is a service of each party: say of which", f.Channel)
	case !own && (d == Queue || d == Service) && (f.Run != "" || f.Party != ""):
		return Errorf(Invalid, "subscribe", "%s is one queue: subscribe to all of it", f.Channel)
	}
	probe := Subject{Channel: f.Channel}
	for _, p := range f.Channel.parts() {
		switch p {
		case partRun:
			probe.Run = or(f.Run, NoRun)
		case partVerb:
			probe.Verb = "_"
		case partParty:
			probe.Party = or(f.Party, "_")
		}
	}
	if probe.Run != or(f.Run, probe.Run) || probe.Party != or(f.Party, probe.Party) {
		return Errorf(Invalid, "subscribe", "subjects of %s do not name what the filter asks for", f.Channel)
	}
	return probe.Check()
}

// Match reports whether the filter chooses a subject.
func (f Filter) Match(s Subject) bool {
	return f.Channel == s.Channel && (f.Run == "" || f.Run == s.Run) && (f.Party == "" || f.Party == s.Party)
}

// or returns the first of two tokens that is not empty.
func or[T ~string](a, b T) T {
	if a != "" {
		return a
	}
	return b
}
