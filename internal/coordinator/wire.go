package coordinator

import (
	"errors"
	"fmt"
)

// CommandVersion is the version of commands on disk and on the wire, their first byte.
const CommandVersion uint8 = 2

// EncodeCommand returns the bytes of a command: the version, its kind, its fields.
func EncodeCommand(cmd Command) []byte {
	c := coder{out: []byte{CommandVersion, uint8(cmd.kind())}}
	cmd.code(&c)
	return c.out
}

// DecodeCommand returns the command that EncodeCommand wrote. Bytes that are decoded have no other form.
func DecodeCommand(b []byte) (Command, error) {
	c := coder{in: b, reading: true}
	var version, k uint8
	c.u8(&version)
	c.u8(&k)
	if c.err == nil && version != CommandVersion {
		return nil, fmt.Errorf("coordinator: a command has version %d, this program reads %d: run the same version everywhere", version, CommandVersion)
	}
	cmd := newCommand(kind(k))
	if cmd == nil {
		c.fail(fmt.Errorf("kind %d is unknown", k))
		return nil, c.finish("a command")
	}
	cmd.code(&c)
	if err := c.finish("a command"); err != nil {
		return nil, err
	}
	return cmd, nil
}

// newCommand returns an empty command of a kind, nil if there is none.
func newCommand(k kind) Command {
	all := []Command{
		kindSubmit: new(Submit), kindStop: new(Stop), kindResume: new(Resume), kindExtend: new(Extend),
		kindRegister: new(Register), kindAcquire: new(Acquire), kindRenew: new(Renew), kindRelease: new(Release),
		kindDrain: new(Drain), kindCommit: new(Commit), kindDecide: new(Decide), kindFail: new(Fail), kindTick: new(Tick),
		kindTimed: new(Timed), kindCompiled: new(Compiled),
	}
	if int(k) >= len(all) {
		return nil
	}
	return all[k]
}

func (s *Step) code(c *coder) {
	c.u32(&s.Draws)
	var barrier uint8
	if s.Barrier {
		barrier = closedBarrier
		if s.Open {
			barrier = openBarrier
		}
	}
	c.u8(&barrier)
	if barrier > openBarrier {
		c.fail(fmt.Errorf("a barrier is of kind %d", barrier))
	}
	s.Barrier, s.Open = barrier != 0, barrier == openBarrier
}

// Kinds of barriers in bytes; 0 is none.
const (
	closedBarrier = 1
	openBarrier   = 2
)

func (c *coder) steps(v *[]Step) { list(c, v, MaxWarmup, func(s *Step) { s.code(c) }) }

func (s *Spec) code(c *coder) {
	c.u32(&s.Packs)
	c.steps(&s.Warmup)
	c.u32(&s.BlockDraws)
	c.u64(&s.Draws)
	c.u32(&s.CheckEvery)
	c.u32(&s.LeaseMillis)
	c.u32(&s.LateMillis)
	list(c, &s.Classes, MaxClasses, func(v *string) { c.text(v, MaxClass) })
	c.text(&s.Engine, MaxClass)
	c.u32(&s.Width)
	c.bytes(&s.Manifest, MaxManifest)
}

func (t *Tenure) code(c *coder) {
	c.run(&t.Run)
	c.u32(&t.Pack)
	c.epoch(&t.Epoch)
}

func (b *Block) code(c *coder) {
	b.Tenure.code(c)
	c.u32(&b.K)
	c.fixed(b.Prev[:])
	c.fixed(b.Digest[:])
	c.u32(&b.Decisions)
	c.bytes(&b.Report, MaxReport)
}

func (x *Submit) code(c *coder) {
	c.run(&x.Run)
	x.Spec.code(c)
}

func (x *Stop) code(c *coder) {
	c.fixed(x.ID[:])
	c.run(&x.Run)
}

func (x *Resume) code(c *coder) {
	c.fixed(x.ID[:])
	c.run(&x.Run)
}

func (x *Extend) code(c *coder) {
	c.fixed(x.ID[:])
	c.run(&x.Run)
	c.u64(&x.Target)
}

func (x *Register) code(c *coder) {
	c.worker(&x.Worker)
	c.u64(&x.Incarnation)
	c.text(&x.Class, MaxClass)
	c.u32(&x.Width)
}

func (x *Acquire) code(c *coder) {
	c.worker(&x.Worker)
	c.u64(&x.Incarnation)
	c.u64(&x.Number)
	c.u32(&x.Want)
}

func (x *Compiled) code(c *coder) {
	c.run(&x.Run)
	c.u32(&x.Millis)
}

func (x *Renew) code(c *coder) { list(c, &x.Workers, MaxBatch, c.worker) }

func (x *Release) code(c *coder) {
	c.worker(&x.Worker)
	list(c, &x.Leases, MaxBatch, func(t *Tenure) { t.code(c) })
}

func (x *Drain) code(c *coder) { c.worker(&x.Worker) }

func (x *Commit) code(c *coder) { list(c, &x.Blocks, MaxBatch, func(b *Block) { b.code(c) }) }

func (x *Decide) code(c *coder) {
	c.run(&x.Run)
	c.u32(&x.K)
	c.fixed(x.Inputs[:])
	c.bytes(&x.Payload, MaxPayload)
	c.bool(&x.Replan)
	c.steps(&x.Rest)
	var flags uint8
	if x.Stop {
		flags |= decideStops
	}
	if len(x.Excluded) > 0 {
		flags |= decideExcludes
	}
	c.u8(&flags)
	if flags > decideStops|decideExcludes {
		c.fail(fmt.Errorf("the flags of a decision are %d", flags))
	}
	x.Stop = flags&decideStops != 0
	if flags&decideExcludes == 0 {
		return
	}
	if list(c, &x.Excluded, MaxPacks, c.u32); len(x.Excluded) == 0 {
		c.fail(errors.New("a decision excludes nobody, and says that it does"))
	}
}

// Flags of a decision in bytes.
const (
	decideStops    = 1
	decideExcludes = 2
)

func (x *Fail) code(c *coder) {
	x.Tenure.code(c)
	c.text(&x.Reason, MaxReason)
}

func (x *Tick) code(c *coder) {
	c.u64(&x.Term)
	c.u64(&x.Total)
}

func (x *Timed) code(c *coder) {
	c.u64(&x.Term)
	c.u64(&x.Total)
	var k uint8
	if !c.reading {
		k = uint8(x.Command.kind())
	}
	c.u8(&k)
	if c.reading {
		if x.Command = newCommand(kind(k)); x.Command == nil || kind(k) == kindTimed {
			c.fail(fmt.Errorf("kind %d is unknown, or has no time", k))
			return
		}
	}
	x.Command.code(c)
}
