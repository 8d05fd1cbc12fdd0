package wasm

// LowerLimits makes pipelines of short rows that suspend themselves after every block, so that small programs cover them.
func LowerLimits() (restore func()) {
	rows, work, fuel := minRows, heavyWork, firstFuel
	minRows, heavyWork, firstFuel = blockRows, 1, 1e-9
	return func() { minRows, heavyWork, firstFuel = rows, work, fuel }
}
