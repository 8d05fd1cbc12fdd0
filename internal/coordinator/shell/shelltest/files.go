package shelltest

import "github.com/drey-sampler/drey/pkg/store"

// Unsynced is a file system without syncs: for tests in which nothing loses power.
type Unsynced struct{ store.OS }

// Create implements store.FS.
func (Unsynced) Create(path string) (store.File, error) {
	f, err := store.OS{}.Create(path)
	return unsyncedFile{f}, err
}

// SyncDir implements store.FS.
func (Unsynced) SyncDir(string) error { return nil }

type unsyncedFile struct{ store.File }

func (unsyncedFile) Sync() error { return nil }
