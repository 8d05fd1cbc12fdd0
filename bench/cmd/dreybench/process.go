package main

import (
	"os"
	"strconv"
	"strings"
)

// ticksPerSecond is the unit of times in /proc, USER_HZ, which is 100 on every machine that Go runs on.
const ticksPerSecond = 100

// secondsSinceProcessStart returns the time since the kernel made this process, to 10 ms, or nil where there is no /proc.
func secondsSinceProcessStart() *float64 {
	stat, err1 := os.ReadFile("/proc/self/stat")
	uptime, err2 := os.ReadFile("/proc/uptime")
	if err1 != nil || err2 != nil {
		return nil
	}
	now, err := strconv.ParseFloat(strings.Fields(string(uptime))[0], 64)
	if err != nil {
		return nil
	}
	start, ok := startTicks(string(stat))
	if !ok {
		return nil
	}
	seconds := now - float64(start)/ticksPerSecond
	return &seconds
}

// startTicks returns field 22 of /proc/PID/stat, the start in ticks since boot. Field 2, the command, may hold anything:
// the fields are counted from its closing bracket.
func startTicks(stat string) (int64, bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0, false
	}
	ticks, err := strconv.ParseInt(fields[19], 10, 64)
	return ticks, err == nil
}

// peakRSSMB returns the process's largest resident memory so far in MB (10^6 bytes), or nil where there is no /proc.
func peakRSSMB() *float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	return highWater(string(status))
}

// highWater returns VmHWM of /proc/PID/status, which counts in KiB, in MB.
func highWater(status string) *float64 {
	for line := range strings.Lines(status) {
		rest, ok := strings.CutPrefix(line, "VmHWM:")
		if !ok {
			continue
		}
		kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		if err != nil {
			return nil
		}
		mb := kib * 1024 / 1e6
		return &mb
	}
	return nil
}
