// Package lint holds tests of the source tree itself: who imports whom, comments, sizes, and builds for other machines.
package lint
