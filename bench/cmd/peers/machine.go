package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine is where the comparison ran.
type Machine struct {
	CPU        string `json:"cpu"`
	SingleCore string `json:"single_core"` // the core of the one-core cases
	AllCores   string `json:"all_cores"`   // the cores of start-to-summary
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	Load       string `json:"load"` // the load averages at the start: 1, 5, 15 minutes
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, core %s of %s, Linux %s, %s, load %s at the start", m.CPU, m.SingleCore, m.AllCores, m.Kernel, m.Go, m.Load)
}

// thisMachine reads what /proc says of the machine. Empty core lists mean all the cores that this process may use,
// and the last of them, which takes fewer interrupts than core 0.
func thisMachine(singleCore, allCores string) (Machine, error) {
	if runtime.GOOS != "linux" {
		return Machine{}, errors.New("the comparison needs Linux: it pins with taskset and reads /proc")
	}
	var problems []error
	read := func(path string) string {
		text, err := os.ReadFile(path)
		problems = append(problems, err)
		return string(text)
	}
	if allCores == "" {
		allCores = field(read("/proc/self/status"), "Cpus_allowed_list:")
	}
	if singleCore == "" {
		singleCore = allCores[strings.LastIndexAny(allCores, ",-")+1:]
	}
	load, _, _ := strings.Cut(read("/proc/loadavg"), "/")
	load = load[:max(0, strings.LastIndex(load, " "))]
	machine := Machine{
		CPU: strings.TrimLeft(field(read("/proc/cpuinfo"), "model name"), ": \t"), SingleCore: singleCore, AllCores: allCores,
		Kernel: strings.TrimSpace(read("/proc/sys/kernel/osrelease")), Go: runtime.Version(), Load: load,
	}
	return machine, errors.Join(problems...)
}

// field returns the rest of the first line of text that starts with name, trimmed.
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
