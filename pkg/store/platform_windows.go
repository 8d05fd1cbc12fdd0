package store

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// lockOffset is far behind the lock file's text: a locked range of a file can't be read by others on Windows.
const lockOffset = 1 << 30

// tryLock takes an exclusive lock on f for as long as it is open; ok is false if another open file holds one.
func tryLock(f *os.File) (ok bool, err error) {
	o := windows.Overlapped{Offset: lockOffset}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &o)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

// mapFile returns the content of the file as read-only memory and how to let it go.
func mapFile(path string) ([]byte, func(), error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if st.Size() == 0 {
		return nil, func() {}, nil
	}
	h, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, windows.PAGE_READONLY, 0, 0, nil)
	if err != nil {
		return nil, nil, &os.PathError{Op: "map", Path: path, Err: err}
	}
	defer windows.CloseHandle(h) // the view keeps the mapping alive
	addr, err := windows.MapViewOfFile(h, windows.FILE_MAP_READ, 0, 0, 0)
	if err != nil {
		return nil, nil, &os.PathError{Op: "map", Path: path, Err: err}
	}
	// addr is memory outside the Go heap; going through its own address keeps vet's check of uintptr conversions.
	b := unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), int(st.Size()))
	return b, func() { _ = windows.UnmapViewOfFile(addr) }, nil
}

// syncDir does nothing: Windows can't sync a directory, and NTFS journals its names in order.
func syncDir(string) error { return nil }

func isDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
