//go:build cgo && (linux || darwin)

package pjrt

// #include <stdlib.h>
// #include "pjrt.h"
import "C"

import (
	"unsafe"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Call is an execution that can be repeated: a buffer on the device for each input, and after Run for each output. It is
// for one goroutine at a time.
type Call struct {
	client  *Client
	c       *C.call // C memory, so that a Run passes no pointer of Go's
	in, out []array
	donated []int            // the output that an input's memory is given to, -1: none
	holder  []int            // the input that an output becomes, -1: none
	aside   []*C.PJRT_Buffer // of each output that Keep has set aside
}

// array is what the device is told of an input or output.
type array struct {
	dtype C.int
	dims  []C.int64_t
}

// NewCall prepares a call of the program with buffers of zeros. After each Run the inputs of donate become its outputs;
// the program's text says that it may write the one over the other.
func (x *Executable) NewCall(in, out []tensor.Param, donate []engine.Donation) (*Call, error) {
	k := &Call{client: x.client, in: arrays(in), out: arrays(out), donated: none(len(in)), holder: none(len(out)), aside: make([]*C.PJRT_Buffer, len(out))}
	for _, d := range donate {
		k.donated[d.In], k.holder[d.Out] = d.Out, d.In
	}
	c := (*C.call)(C.calloc(1, C.sizeof_call))
	*c = C.call{
		on: x.client.on, executable: x.x, num_in: C.size_t(len(in)), num_out: C.size_t(len(out)),
		in: buffers(len(in)), out: buffers(len(out)), kept: (*C.int64_t)(C.calloc(C.size_t(len(in)+1), C.sizeof_int64_t)),
	}
	kept := unsafe.Slice(c.kept, len(in)+1)
	for i, to := range k.donated {
		if to < 0 {
			kept[c.num_kept] = C.int64_t(i)
			c.num_kept++
		}
	}
	k.c = c
	for i, p := range in {
		if err := k.Put(i, make([]byte, engine.SizeOf(p))); err != nil {
			_ = k.Destroy() // the first error is the one to report
			return nil, err
		}
	}
	return k, nil
}

func arrays(params []tensor.Param) []array {
	out := make([]array, len(params))
	for i, p := range params {
		out[i].dtype = bufferTypes[p.DType]
		for _, d := range p.Shape {
			out[i].dims = append(out[i].dims, C.int64_t(d))
		}
	}
	return out
}

func none(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = -1
	}
	return out
}

// buffers returns n null pointers in C memory.
func buffers(n int) **C.PJRT_Buffer {
	return (**C.PJRT_Buffer)(C.calloc(C.size_t(n+1), C.size_t(unsafe.Sizeof(uintptr(0)))))
}

func (k *Call) inputs() []*C.PJRT_Buffer  { return unsafe.Slice(k.c.in, len(k.in)) }
func (k *Call) outputs() []*C.PJRT_Buffer { return unsafe.Slice(k.c.out, len(k.out)) }

func (k *Call) failed(e *C.PJRT_Error) error { return k.client.plugin.failed(e) }

// chars returns the address of b as a type without pointers, so that cgo does not look into whatever b is a part of.
func chars(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }

// Put copies data to the device as an input, which keeps its buffer where that fails.
func (k *Call) Put(input int, data []byte) error {
	a := &k.in[input]
	err := k.failed(C.to_device(k.c.on, chars(data), a.dtype, unsafe.SliceData(a.dims), C.size_t(len(a.dims)), &k.c.made))
	if err != nil {
		return err
	}
	return k.replace(&k.inputs()[input], k.c.made)
}

// replace puts a buffer in the place of another, which it destroys.
func (k *Call) replace(at **C.PJRT_Buffer, b *C.PJRT_Buffer) error {
	old := *at
	*at = b
	if old == nil {
		return nil
	}
	return k.failed(C.destroy_buffer(k.c.on, old))
}

// Run executes the program and waits for it.
func (k *Call) Run() error {
	outputs := k.outputs()
	for i := range outputs {
		if err := k.replace(&outputs[i], nil); err != nil {
			return err
		}
	}
	if err := k.failed(C.execute(k.c)); err != nil {
		return err
	}
	inputs := k.inputs()
	for i, to := range k.donated {
		if to < 0 {
			continue
		}
		b := outputs[to]
		outputs[to] = nil
		if err := k.replace(&inputs[i], b); err != nil {
			return err
		}
	}
	return nil
}

// Get copies an output of the last Run to dst. Before the first Run only outputs that inputs hold can be read; the others
// leave dst as it is.
func (k *Call) Get(output int, dst []byte) error {
	b := k.outputs()[output]
	if in := k.holder[output]; in >= 0 {
		b = k.inputs()[in]
	}
	if b == nil || len(dst) == 0 {
		return nil
	}
	return k.failed(C.to_host(k.c.on, b, C.size_t(len(k.out[output].dims)), chars(dst), C.size_t(len(dst))))
}

// Keep sets an output aside that is donated to an input, which gets the buffer that was aside, of zeros at first.
func (k *Call) Keep(output int, size int) error {
	in := k.holder[output]
	if k.aside[output] == nil {
		a := &k.in[in]
		if err := k.failed(C.to_device(k.c.on, chars(make([]byte, size)), a.dtype, unsafe.SliceData(a.dims), C.size_t(len(a.dims)), &k.c.made)); err != nil {
			return err
		}
		k.aside[output] = k.c.made
	}
	inputs := k.inputs()
	inputs[in], k.aside[output] = k.aside[output], inputs[in]
	return nil
}

// Kept copies an output that was set aside to dst; while the call runs, too.
func (k *Call) Kept(output int, dst []byte) error {
	if len(dst) == 0 {
		return nil
	}
	return k.failed(C.to_host(k.client.on, k.aside[output], C.size_t(len(k.out[output].dims)), chars(dst), C.size_t(len(dst))))
}

// IsKept reports whether Keep has set an output aside.
func (k *Call) IsKept(output int) bool { return k.aside[output] != nil }

// Donates reports whether an output is donated to an input.
func (k *Call) Donates(output int) bool { return k.holder[output] >= 0 }

// Destroy frees the device's memory. Destroying twice is allowed.
func (k *Call) Destroy() error {
	if k.c == nil {
		return nil
	}
	var first error
	for _, list := range [][]*C.PJRT_Buffer{k.inputs(), k.outputs(), k.aside} {
		for i := range list {
			if err := k.replace(&list[i], nil); err != nil && first == nil {
				first = err
			}
		}
	}
	C.free(unsafe.Pointer(k.c.in))
	C.free(unsafe.Pointer(k.c.out))
	C.free(unsafe.Pointer(k.c.kept))
	C.free(unsafe.Pointer(k.c))
	k.c = nil
	return first
}
