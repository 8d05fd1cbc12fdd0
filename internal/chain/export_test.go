package chain

// LimitTicks bounds the ticks of a call.
func (w *Worker) LimitTicks(n int32) { w.ticks = pace{1, n, longestCall} }

// Part returns the bytes of a part of the chain's state by its name.
func (c *Chain) Part(name string) []byte {
	for k, i := range c.p.layout.state {
		if c.p.layout.params[i].Name == name {
			return c.parts[k]
		}
	}
	return nil
}

// LimitTicks bounds the ticks of a call.
func (w *PackWorker) LimitTicks(n int32) { w.ticks = pace{1, n, longestPackCall} }
