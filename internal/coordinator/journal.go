package coordinator

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Journal is a machine on one computer: a log file takes the place of Raft. A command is on disk before it is applied, and a
// journal that is opened again is where it was; of a record that a crash cut off nothing was ever replied. Its methods may be
// called from several goroutines.
type Journal struct {
	dir     string
	compact int64 // the log's length at which a snapshot takes its place

	mu      sync.Mutex // guards the fields below
	machine *Machine
	file    *os.File
	size    int64
	index   uint64 // of the last command, counted from 1
	broken  error  // what of the file is on disk is not known
}

// Files of a journal, the log's beginning, and the length at which a snapshot takes its place.
const (
	journalFile    = "coordinator.log"
	snapshotFile   = "coordinator.snapshot"
	journalMagic   = "drey-log\x01\x00\x00\x00"
	journalCompact = 4 << 20
)

// A record is its length u32 and the CRC-32C of these four bytes u32, so that a length is not taken from damage; then the
// CRC-32C of what follows u32, the command's index u64, and the command. All little-endian.
const (
	recordHead = 8
	recordFix  = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// OpenJournal opens the journal in a directory, or begins one. The caller sees to it that nobody else has it open.
func OpenJournal(dir string) (*Journal, error) { return openJournal(dir, journalCompact) }

func openJournal(dir string, compact int64) (*Journal, error) {
	j := &Journal{dir: dir, compact: compact, machine: new(Machine)}
	if err := j.readSnapshot(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, journalFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("coordinator: %w", err)
	}
	j.file = f
	if err := j.replay(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return j, nil
}

// readSnapshot reads the index and the snapshot, if there is one.
func (j *Journal) readSnapshot() error {
	path := filepath.Join(j.dir, snapshotFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("coordinator: %w", err)
	}
	if len(b) < 8 {
		return fmt.Errorf("coordinator: %s is damaged: restore it from a copy", path)
	}
	j.index = binary.LittleEndian.Uint64(b)
	if j.machine, err = Decode(b[8:]); err != nil {
		return fmt.Errorf("%w (in %s)", err, path)
	}
	return nil
}

// replay applies the log's commands after the snapshot, and cuts off a record that was not written to its end.
func (j *Journal) replay() error {
	b, err := io.ReadAll(j.file)
	if err != nil {
		return fmt.Errorf("coordinator: read the log: %w", err)
	}
	if len(b) < len(journalMagic) || len(bytes.Trim(b, "\x00")) == 0 { // zeros are what some file systems leave of it
		return j.begin()
	}
	if string(b[:len(journalMagic)]) != journalMagic {
		return fmt.Errorf("coordinator: %s is no log of a coordinator, or of another version", j.file.Name())
	}
	at := len(journalMagic)
	for at < len(b) {
		n, cmd, index, err := parseRecord(b[at:])
		if errors.Is(err, errTorn) {
			break
		}
		if err == nil && index > j.index+1 {
			err = fmt.Errorf("command %d follows command %d", index, j.index)
		}
		if err != nil {
			return fmt.Errorf("coordinator: %s is damaged at byte %d: %w: restore it from a copy", j.file.Name(), at, err)
		}
		if index == j.index+1 { // older ones are in the snapshot
			j.machine.Apply(cmd)
			j.index = index
		}
		at += n
	}
	return j.cut(int64(at))
}

// begin writes the beginning of an empty log.
func (j *Journal) begin() error {
	if err := j.cut(0); err != nil {
		return err
	}
	if _, err := j.file.Write([]byte(journalMagic)); err != nil {
		return fmt.Errorf("coordinator: write the log: %w", err)
	}
	j.size = int64(len(journalMagic))
	return syncDir(j.dir) // the first command that has to last takes what is written here to disk
}

// cut makes the log so long, and has the next record follow there.
func (j *Journal) cut(size int64) error {
	if err := j.file.Truncate(size); err != nil {
		return fmt.Errorf("coordinator: cut the log: %w", err)
	}
	if _, err := j.file.Seek(size, io.SeekStart); err != nil {
		return fmt.Errorf("coordinator: cut the log: %w", err)
	}
	j.size = size
	return nil
}

// errTorn says that a log ends in a record that a crash cut off.
var errTorn = errors.New("the last record is not whole")

func appendRecord(dst []byte, index uint64, command []byte) []byte {
	var head [4]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(command)))
	dst = append(dst, head[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(head[:], castagnoli))
	body := binary.LittleEndian.AppendUint64(nil, index)
	body = append(body, command...)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(body, castagnoli))
	return append(dst, body...)
}

// parseRecord returns the first record of b and its length in bytes. errTorn says that it is not whole, nothing else follows it,
// and so nothing that was replied to is lost; zeros are what some file systems leave of a write that a crash cut off.
func parseRecord(b []byte) (n int, cmd Command, index uint64, err error) {
	if len(b) < recordHead {
		return 0, nil, 0, errTorn
	}
	unwritten := len(bytes.Trim(b[recordHead:], "\x00")) == 0
	if crc32.Checksum(b[:4], castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		if unwritten {
			return 0, nil, 0, errTorn
		}
		return 0, nil, 0, errors.New("a record's length does not match its sum")
	}
	n = recordHead + recordFix + int(binary.LittleEndian.Uint32(b))
	if n > len(b) {
		return 0, nil, 0, errTorn
	}
	body := b[recordHead+4 : n]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[recordHead:]) {
		if n == len(b) || unwritten {
			return 0, nil, 0, errTorn
		}
		return 0, nil, 0, errors.New("a record does not match its sum")
	}
	cmd, err = DecodeCommand(body[8:])
	return n, cmd, binary.LittleEndian.Uint64(body), err
}

// Propose writes a command to the log and applies it. An error says that it was not applied: that the disk is full, say.
func (j *Journal) Propose(ctx context.Context, cmd Command) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	wire := EncodeCommand(cmd)
	own, err := DecodeCommand(wire) // the machine keeps slices of what it applies
	if err != nil {
		return Result{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return Result{}, j.broken
	}
	if err := j.write(appendRecord(nil, j.index+1, wire), lasting(cmd)); err != nil {
		return Result{}, err
	}
	j.index++
	out := j.machine.Apply(own)
	if j.size >= j.compact {
		// The log goes on where there is no room for a snapshot; the next command tries again.
		if err := j.writeSnapshot(); err == nil {
			j.broken = j.shorten()
		}
	}
	return out, nil
}

// lasting reports whether a crash of the computer may not lose a command once it is replied to. Time, and what is said of workers, may
// be lost: they do not outlive it, and a block that was committed has what came before it on disk too.
func lasting(cmd Command) bool {
	switch x := cmd.(type) {
	case *Timed:
		return lasting(x.Command)
	case *Tick, *Renew, *Register, *Acquire, *Release, *Drain, *Compiled:
		return false
	}
	return true
}

// write appends a record, whole or not at all.
func (j *Journal) write(record []byte, sync bool) error {
	if _, err := j.file.Write(record); err != nil {
		err = fmt.Errorf("coordinator: write the log: %w", err)
		if cut := j.cut(j.size); cut != nil {
			j.broken = errors.Join(err, cut)
		}
		return err
	}
	if sync {
		if err := j.file.Sync(); err != nil {
			// The kernel may have dropped the pages: what is on disk is known only after opening it again.
			j.broken = fmt.Errorf("coordinator: write the log: %w: open the run again", err)
			return j.broken
		}
	}
	j.size += int64(len(record))
	return nil
}

// writeSnapshot writes the machine to a file that takes the place of the last snapshot once it is whole and durable.
func (j *Journal) writeSnapshot() error {
	path := filepath.Join(j.dir, snapshotFile)
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(append(binary.LittleEndian.AppendUint64(nil, j.index), j.machine.Encode()...))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+".tmp"))
	}
	return syncDir(j.dir)
}

// shorten empties the log, all of which is in the snapshot. A crash before it is harmless: replay knows the snapshot's index.
func (j *Journal) shorten() error {
	if err := j.cut(int64(len(journalMagic))); err != nil {
		return err
	}
	return j.file.Sync()
}

// syncDir makes the names in a directory durable, where the system can.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("coordinator: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("coordinator: %w", err)
	}
	return nil
}

// View calls f with the machine, which f must neither change nor keep.
func (j *Journal) View(f func(*Machine)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f(j.machine)
}

// Close closes the log's file. The journal can't be used after it.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken == nil {
		j.broken = errors.New("coordinator: the log is closed")
	}
	if err := j.file.Close(); err != nil { // what has to last is on disk
		return fmt.Errorf("coordinator: close the log: %w", err)
	}
	return nil
}
