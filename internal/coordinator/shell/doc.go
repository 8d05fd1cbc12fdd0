// Package shell is what surrounds the coordinator's machine: it takes requests from the transport, proposes them as commands, and
// does what comes of them: grants, notices, decisions, the end of runs.
//
// Of several coordinators the one that leads has its shell at work; the others wait. What a shell does may be lost with it, or be
// done twice: nothing rests on a notice or a broadcast, and what must not be lost is in Machine.Due, with which the next one begins.
// Time is the process's monotonic clock, which reaches the machine as ticks; tests run in the virtual time of testing/synctest.
package shell
