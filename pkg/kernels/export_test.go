package kernels

// The parts that tests look at by themselves.
var (
	Leapfrog = leapfrog
	Kinetic  = kinetic
	Rows     = rows
)
