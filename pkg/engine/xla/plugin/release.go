package plugin

import (
	"fmt"
	"runtime"
	"strings"
)

// Wheel is a file of the Python package index, pinned by its digest.
type Wheel struct {
	Project, Version string
	File             string
	SHA256           string // of the file, in hexadecimal
	Size             int64  // of the file, in bytes
}

// tags returns the wheel's platform tags (PEP 425).
func (w Wheel) tags() []string {
	name := strings.TrimSuffix(w.File, ".whl")
	return strings.Split(name[strings.LastIndexByte(name, '-')+1:], ".")
}

// Release is what a plugin consists of on one kind of machine: its own wheel first, then what it needs beside it.
type Release struct {
	Platform        string
	System, Machine string // as GOOS and GOARCH say it
	Terms           string // the licences
	Wheels          []Wheel
}

// Size returns the bytes to fetch.
func (r Release) Size() int64 {
	var n int64
	for _, w := range r.Wheels {
		n += w.Size
	}
	return n
}

// ReleaseOf returns the pinned plugin of a platform for this machine.
func ReleaseOf(platform string) (Release, error) {
	var machines []string
	for _, r := range releases {
		if r.Platform != platform {
			continue
		}
		if r.System == runtime.GOOS && r.Machine == runtime.GOARCH {
			return r, nil
		}
		machines = append(machines, r.System+"/"+r.Machine)
	}
	if machines == nil {
		return Release{}, fmt.Errorf("xla: unknown platform %q (want %s)", platform, strings.Join(Platforms, ", "))
	}
	return Release{}, fmt.Errorf("xla: the plugin for %s is published for %s, not for %s/%s: install one of your own by --from FILE",
		platform, strings.Join(machines, " and "), runtime.GOOS, runtime.GOARCH)
}
