package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// catalog says what of a run's blocks was put together, and where it is: their draws in tables, their states in other files. What it
// names never changes; a new catalog takes the place of an old one, and what only the old one named is removed then.
type catalog struct {
	Generation uint64 `json:"generation"` // 1 of the first one
	Segments   int    `json:"segments"`   // numbers below it were given to segments, and are to none again: an old reader may still ask for them
	Files      int    `json:"files"`      // numbers below it were given to tables and files of states
	Parts      []part `json:"parts"`
	Beyond     part   `json:"beyond"` // draws that did not count when it was written: what last blocks have beyond those asked for

	blocks []blockRecord // of each pack its first, in order; their file is that of their states
}

// part is what was put together at once. The rows of its tables, one after another, are its runs', one after another: of each chain of
// a run its draws.
type part struct {
	States int         `json:"states"` // number of the file of the states after its blocks
	Bytes  int64       `json:"bytes"`  // of its draws, as they are in memory
	Runs   []partRun   `json:"runs"`
	Tables []partTable `json:"tables"`
}

// partRun is draws of chains that follow one another.
type partRun struct {
	Chain  int   `json:"chain"` // the first
	Chains int   `json:"chains"`
	Phase  Phase `json:"phase"`
	First  int64 `json:"first"`
	Draws  int   `json:"draws"` // of each chain
}

// partTable is a table: its number, and the rows of each of its row groups.
type partTable struct {
	Number int   `json:"number"`
	Groups []int `json:"groups"`
}

// The catalog file, little-endian: magic, format, run ID (16 bytes); length and JSON of what is said above; number of blocks; of each
// the header that an index has and where its state is; last the SHA-256 of all before it.
var catalogFrame = frame{
	magic: "drey-cat", format: 1, name: "catalog",
	damaged: errors.New("the catalog is damaged (its digest does not match): restore it from a copy"),
}

// catalogHeader is a block in the catalog.
type catalogHeader struct {
	Block  indexHeader
	States uint32 // number of the file
	Offset uint64
}

var catalogHeaderBytes = binary.Size(catalogHeader{})

func (c *catalog) encode(runID string) ([]byte, error) {
	out, err := catalogFrame.begin(runID)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	head, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("store: catalog: %w", err)
	}
	out = append(binary.LittleEndian.AppendUint32(out, uint32(len(head))), head...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(c.blocks)))
	out = slices.Grow(out, len(c.blocks)*catalogHeaderBytes)
	for i := range c.blocks {
		b := &c.blocks[i]
		if out, err = binary.Append(out, binary.LittleEndian, &catalogHeader{b.header(), uint32(b.file), uint64(b.state)}); err != nil {
			return nil, fmt.Errorf("store: catalog: %w", err)
		}
	}
	return seal(out), nil
}

func parseCatalog(b []byte, runID string) (*catalog, error) {
	body, err := catalogFrame.open(b, runID, 8)
	if err != nil {
		return nil, err
	}
	body = body[frameHead:]
	n := uint64(binary.LittleEndian.Uint32(body))
	if n > uint64(len(body)-8) {
		return nil, catalogFrame.damaged
	}
	c := new(catalog)
	if err := json.Unmarshal(body[4:4+n], c); err != nil {
		return nil, catalogFrame.damaged
	}
	count, body := binary.LittleEndian.Uint32(body[4+n:]), body[8+n:]
	if uint64(count)*uint64(catalogHeaderBytes) != uint64(len(body)) {
		return nil, catalogFrame.damaged
	}
	c.blocks = make([]blockRecord, count)
	for i := range c.blocks {
		var h catalogHeader
		if _, err := binary.Decode(body[i*catalogHeaderBytes:], binary.LittleEndian, &h); err != nil || !h.Block.sound() {
			return nil, catalogFrame.damaged
		}
		c.blocks[i] = h.Block.record()
		c.blocks[i].gathered, c.blocks[i].file, c.blocks[i].state = true, int(h.States), int64(h.Offset)
	}
	return c, nil
}

// readCatalog returns the catalog of a run directory, an empty one if it has none.
func readCatalog(dir string, run *Run) (*catalog, error) {
	path := filepath.Join(dir, catalogFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return new(catalog), nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	c, err := parseCatalog(b, run.ID)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	return c, nil
}

// names returns the names of the files that the catalog names.
func (c *catalog) names() map[string]bool {
	out := map[string]bool{}
	for i := range c.Parts {
		out[statesName(c.Parts[i].States)] = true
		for _, t := range c.Parts[i].Tables {
			out[drawsName(t.Number)] = true
		}
	}
	for _, t := range c.Beyond.Tables {
		out[beyondName(t.Number)] = true
	}
	return out
}

// heads returns how many blocks of each pack the catalog has.
func (c *catalog) heads() map[uint32]uint64 {
	out := map[uint32]uint64{}
	for i := range c.blocks {
		out[c.blocks[i].pack]++
	}
	return out
}
