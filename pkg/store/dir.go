package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Names inside a run directory.
const (
	runFile        = "run.json"
	lockFile       = ".drey-lock"
	checkpointFile = "checkpoint" // of runs of earlier versions, which nobody reads
	ledgerFile     = "ledger"
	logFile        = "coordinator.log"      // of a run's own coordinator
	snapshotFile   = "coordinator.snapshot" // likewise
	OutcomeFile    = "outcome"              // what it keeps beside its log
	catalogFile    = "catalog"
	segmentPrefix  = "segment-"
	segmentSuffix  = ".arrow"
	indexPrefix    = "blocks-"
	drawsPrefix    = "draws-"
	beyondPrefix   = "beyond-"
	statesPrefix   = "states-"
	tableSuffix    = ".parquet"

	DataFile              = "data.arrow"               // the data columns
	ProgramFile           = "model.drey"               // the program file of a model that was written elsewhere
	InitFile              = "init.json"                // --init
	InverseMassMatrixFile = "inverse-mass-matrix.json" // --inverse-mass-matrix
	PosteriorPredictive   = "posterior_predictive"     // run directory of posterior predictive draws
	PriorPredictive       = "prior_predictive"         // run directory of prior predictive draws
)

var inputNames = []string{DataFile, ProgramFile, InitFile, InverseMassMatrixFile}

func inputName(name string) bool { return slices.Contains(inputNames, name) }

// owned reports whether a run directory may hold a file of that name.
func owned(name string) bool {
	name = strings.TrimSuffix(name, tempSuffix)
	if name == runFile || name == lockFile || name == checkpointFile || name == ledgerFile || name == catalogFile || name == logFile || name == snapshotFile || name == OutcomeFile || inputName(name) {
		return true
	}
	_, segment := numbered(name, segmentName)
	_, index := numbered(name, indexName)
	return segment || index || gathered(name)
}

// gathered reports whether a name is that of a file which only a catalog names.
func gathered(name string) bool {
	_, draws := numbered(name, drawsName)
	_, beyond := numbered(name, beyondName)
	_, states := numbered(name, statesName)
	return draws || beyond || states
}

func segmentName(n int) string { return fmt.Sprintf("%s%06d%s", segmentPrefix, n, segmentSuffix) }

func indexName(n int) string { return fmt.Sprintf("%s%06d", indexPrefix, n) }

func drawsName(n int) string { return fmt.Sprintf("%s%06d%s", drawsPrefix, n, tableSuffix) }

func beyondName(n int) string { return fmt.Sprintf("%s%06d%s", beyondPrefix, n, tableSuffix) }

func statesName(n int) string { return fmt.Sprintf("%s%06d", statesPrefix, n) }

// numbered returns the number that a function makes a name from; false if it makes it from none.
func numbered(name string, form func(int) string) (n int, ok bool) {
	for _, c := range name {
		if c >= '0' && c <= '9' && n <= 1<<40 {
			n = 10*n + int(c-'0')
		}
	}
	return n, form(n) == name
}

// segments returns the numbers of the directory's segments in order.
func segments(dir string) ([]int, error) { return numbers(dir, segmentName) }

// numbers returns the numbers of the directory's files of one kind of names in order.
func numbers(dir string, form func(int) string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var out []int
	for _, e := range entries {
		if n, ok := numbered(e.Name(), form); ok {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// removal lists the paths of what a run directory owns, in the order to remove them: run.json first, so that a
// directory half removed is no run any more. An error names what in it is not a run's.
func removal(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	ours := false
	var paths, foreign []string
	for _, e := range entries {
		name := e.Name()
		path := filepath.Join(dir, name)
		switch {
		case e.IsDir() && (name == PosteriorPredictive || name == PriorPredictive):
			if holder := inUse(path); holder != "" {
				return nil, inUseError(path, holder)
			}
			inner, err := removal(path)
			if err != nil {
				return nil, err
			}
			paths = append(append(paths, inner...), filepath.Join(path, lockFile), path)
		case !e.Type().IsRegular() || !owned(name):
			foreign = append(foreign, name)
		case name == runFile:
			ours = true
			paths = append([]string{path}, paths...)
		case name == lockFile:
			ours = true // held and kept; a directory that goes away loses it with its inner paths
		default:
			paths = append(paths, path)
		}
	}
	if len(foreign) > 0 {
		more := ""
		if len(foreign) > 3 {
			more = fmt.Sprintf(" and %d more", len(foreign)-3)
		}
		return nil, fmt.Errorf("store: %s holds files that are not a run's (%s%s): nothing was removed; choose another --out, or move them away",
			dir, strings.Join(foreign[:min(3, len(foreign))], ", "), more)
	}
	if len(paths) > 0 && !ours {
		return nil, fmt.Errorf("store: %s holds %s but is not a run directory: nothing was removed; choose another --out",
			dir, filepath.Base(paths[0]))
	}
	return paths, nil
}

// prepare makes dir an empty, locked run directory, or says why it can't.
func prepare(fsys FS, dir string, overwrite bool) (*lock, error) {
	if err := fsys.Mkdir(dir); err != nil {
		return nil, diskError(dir, err)
	}
	if _, err := occupied(dir, overwrite); err != nil {
		if holder := inUse(dir); holder != "" {
			err = inUseError(dir, holder)
		}
		return nil, err
	}
	l, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	// What was empty a moment ago may hold another's finished run by now.
	paths, err := occupied(dir, overwrite)
	if err == nil {
		err = clear(fsys, dir, paths)
	}
	if err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

// Vacant reports whether dir can take a run without removing anything: it is not there, is empty, or has the lock alone of a
// run that could not begin.
func Vacant(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err != nil || vacant(entries) // what can't be read is refused when it is written
}

func vacant(entries []os.DirEntry) bool {
	return len(entries) == 0 || len(entries) == 1 && entries[0].Name() == lockFile
}

// occupied returns what has to be removed from dir, or an error if something is there and may not be removed.
func occupied(dir string, overwrite bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if vacant(entries) {
		return nil, nil
	}
	if overwrite {
		return removal(dir)
	}
	if _, err := os.Stat(filepath.Join(dir, runFile)); err == nil {
		return nil, fmt.Errorf("store: %s already holds a run: go on with it by drey resume %s, replace it with --overwrite, or choose another --out", dir, dir)
	}
	return nil, fmt.Errorf("store: %s is not empty: choose another --out; drey resume goes on with a run, and --overwrite replaces one", dir)
}

func clear(fsys FS, dir string, paths []string) error {
	for _, p := range paths {
		if err := fsys.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return diskError(p, err)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	if err := fsys.SyncDir(dir); err != nil {
		return diskError(dir, err)
	}
	return nil
}
