//go:build !linux

package main

import "math"

// room returns infinity: the measurement runs on Linux only, as it reads /proc.
func room(string) (float64, error) { return math.Inf(1), nil }
