package eval

import "github.com/drey-sampler/drey/pkg/tensor"

// results returns the slots of an instruction's results.
func (c *compiler) results(n *tensor.Node) []int { return c.all(n.Results()) }

func (c *compiler) regions(n *tensor.Node) ([]*block, error) {
	out := make([]*block, len(n.Regions))
	for i, r := range n.Regions {
		b, err := c.region(r)
		if err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

// read returns the arrays of slots in a new slice: regions write slots while they run.
func (fr *frame) read(slots []int) []*tensor.Array {
	out := make([]*tensor.Array, len(slots))
	for i, s := range slots {
		out[i] = fr.slots[s]
	}
	return out
}

func (fr *frame) write(slots []int, a []*tensor.Array) {
	for i, s := range slots {
		fr.slots[s] = a[i]
	}
}

func (c *compiler) while(n *tensor.Node) (step, error) {
	regions, err := c.regions(n)
	if err != nil {
		return nil, err
	}
	in, out, cond, body := c.all(n.In), c.results(n), regions[0], regions[1]
	return func(fr *frame) {
		carry := fr.read(in)
		for {
			cond.enter(fr, carry)
			if fr.slots[cond.results[0]].Bits[0] == 0 {
				break
			}
			body.enter(fr, carry)
			carry = body.leave(fr, carry[:0])
		}
		fr.write(out, carry)
	}, nil
}

func (c *compiler) cond(n *tensor.Node) (step, error) {
	regions, err := c.regions(n)
	if err != nil {
		return nil, err
	}
	pred, out := c.slot(n.In[0].Node()), c.results(n)
	return func(fr *frame) {
		b := regions[1]
		if fr.slots[pred].Bits[0] != 0 {
			b = regions[0]
		}
		b.enter(fr, nil)
		fr.write(out, b.leave(fr, nil))
	}, nil
}

func (c *compiler) call(n *tensor.Node) (step, error) {
	regions, err := c.regions(n)
	if err != nil {
		return nil, err
	}
	in, out, body := c.all(n.In), c.results(n), regions[0]
	return func(fr *frame) {
		body.enter(fr, fr.read(in))
		fr.write(out, body.leave(fr, nil))
	}, nil
}

func (c *compiler) scan(n *tensor.Node) (step, error) {
	regions, err := c.regions(n)
	if err != nil {
		return nil, err
	}
	in, out, body := c.all(n.In), c.results(n), regions[0]
	nc, length, reverse := n.Attr.Index, n.Attr.Length, n.Attr.Reverse
	return func(fr *frame) {
		args := fr.read(in)
		xs := append([]*tensor.Array(nil), args[nc:]...)
		ys := make([]*tensor.Array, n.NumResults()-nc)
		for i := range ys {
			d, shape := n.ResultSpec(nc + i)
			ys[i] = &tensor.Array{DType: d, Shape: shape, Bits: make([]uint64, tensor.NumElements(shape))}
		}
		for t := range length {
			if reverse {
				t = length - 1 - t
			}
			for i, x := range xs {
				args[nc+i] = row(x, t)
			}
			body.enter(fr, args)
			res := body.leave(fr, nil)
			copy(args[:nc], res)
			for i, y := range res[nc:] {
				copy(ys[i].Bits[t*len(y.Bits):], y.Bits)
			}
		}
		fr.write(out, append(args[:nc:nc], ys...))
	}, nil
}

// row returns x[t] along the first axis, sharing its elements.
func row(x *tensor.Array, t int) *tensor.Array {
	n := tensor.NumElements(x.Shape[1:])
	return &tensor.Array{DType: x.DType, Shape: x.Shape[1:], Bits: x.Bits[t*n : (t+1)*n : (t+1)*n]}
}
