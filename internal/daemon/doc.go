// Package daemon puts the parts of a cluster's processes together: a coordinator of machine, sink and NATS server, a worker.
package daemon
