// Package progress shows how a run goes: a table that is redrawn in place on a terminal, plain lines elsewhere.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/drey-sampler/drey/internal/runner"
)

// Live is a table on a terminal, redrawn in place at each event.
type Live struct {
	w    io.Writer
	size func() (columns, rows int)

	mu    sync.Mutex // guards what follows
	drawn int        // lines on the screen
}

// NewLive returns a table on w. size returns the terminal's size, which may change; 0 where it is unknown.
func NewLive(w io.Writer, size func() (columns, rows int)) *Live { return &Live{w: w, size: size} }

// Sizes of a terminal that doesn't tell: VT100's.
const (
	usualColumns = 80
	usualRows    = 24
)

// Update redraws the table. The last event's table stays on the screen.
func (l *Live) Update(p runner.Progress) {
	l.draw(func(columns, rows int) []string { return Render(p, columns, rows) })
}

// UpdateCluster redraws the table of a run on a cluster.
func (l *Live) UpdateCluster(c Cluster) {
	l.draw(func(columns, rows int) []string { return RenderCluster(c, columns, rows) })
}

// draw writes the lines that render makes for a terminal in the place of those of the last time.
func (l *Live) draw(render func(columns, rows int) []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	columns, rows := l.size()
	if columns <= 0 || rows <= 0 {
		columns, rows = usualColumns, usualRows
	}
	lines := render(columns, rows-1)
	var b strings.Builder
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", l.drawn) // up
	}
	for _, line := range lines {
		b.WriteString("\r" + line + "\x1b[K\n") // clear to the end of the line
	}
	b.WriteString("\x1b[J") // clear what a longer table left below
	l.drawn = len(lines)
	// The run matters more than its display: a terminal that is gone is no reason to end it.
	_, _ = io.WriteString(l.w, b.String())
}

// Lines writes plain lines, for logs: when chains change their phase, and every few seconds between.
type Lines struct {
	w io.Writer

	mu    sync.Mutex // guards what follows
	phase string
	last  time.Duration
}

// NewLines returns the plain display on w.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// lineEvery is the time between two plain lines.
const lineEvery = 5 * time.Second

// Update writes a line where one is due.
func (l *Lines) Update(p runner.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := sum(p)
	phase := t.phase()
	switch {
	case p.Done:
	case phase != l.phase && p.Elapsed >= time.Second: // a run of a second needs no commentary
	case p.Elapsed-l.last >= lineEvery:
	default:
		return
	}
	l.phase, l.last = phase, p.Elapsed
	_, _ = fmt.Fprintln(l.w, t.line(p))
}
