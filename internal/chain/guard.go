package chain

import "fmt"

// Guard calls f and returns what it returns, or an error where it panics: for goroutines, whose panics no caller could
// recover, so that a run fails with a message and keeps what was drawn.
func Guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v; please report it", r)
		}
	}()
	return f()
}
