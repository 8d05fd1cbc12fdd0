//go:build cgo && (linux || darwin)

package pjrt

// #cgo linux LDFLAGS: -ldl
// #include <stdlib.h>
// #include "pjrt.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// oldestMinor is the oldest version 0.N of the API that the tests have run with.
const oldestMinor = 81

// Plugin is a loaded plugin.
type Plugin struct{ api *C.PJRT_Api }

var (
	loading sync.Mutex
	loaded  = map[string]Plugin{}
)

// Load loads the shared library of a plugin, once in a process, and initialises it.
func Load(path string) (Plugin, error) {
	loading.Lock()
	defer loading.Unlock()
	if p, ok := loaded[path]; ok {
		return p, nil
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var problem *C.char
	p := Plugin{C.open_plugin(name, &problem)}
	if p.api == nil {
		defer C.free(unsafe.Pointer(problem))
		return Plugin{}, fmt.Errorf("pjrt: the plugin is not loaded: %s", C.GoString(problem))
	}
	if major, minor := p.Version(); major != 0 || minor < oldestMinor {
		return Plugin{}, fmt.Errorf("pjrt: the plugin has version %d.%d of the PJRT API, drey needs 0.%d or a later 0.N", major, minor, oldestMinor)
	}
	if err := p.failed(C.initialize(p.api)); err != nil {
		return Plugin{}, fmt.Errorf("pjrt: the plugin is not initialised: %w", err)
	}
	loaded[path] = p
	return p, nil
}

// Version is the version of the PJRT API that the plugin has.
func (p Plugin) Version() (major, minor int) {
	v := &p.api.pjrt_api_version
	return int(v.major_version), int(v.minor_version)
}

// Attributes returns the plugin's attributes that are strings or integers, such as xla_version.
func (p Plugin) Attributes() (map[string]string, error) {
	var values *C.PJRT_NamedValue
	var n C.size_t
	if err := p.failed(C.attributes(p.api, &values, &n)); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, v := range unsafe.Slice(values, int(n)) {
		name := C.GoStringN(v.name, C.int(v.name_size))
		switch v._type {
		case C.PJRT_NamedValue_kString:
			out[name] = C.GoStringN(*(**C.char)(unsafe.Pointer(&v.anon0)), C.int(v.value_size))
		case C.PJRT_NamedValue_kInt64:
			out[name] = fmt.Sprint(*(*int64)(unsafe.Pointer(&v.anon0)))
		}
	}
	return out, nil
}

// failed returns nil, or what the plugin says.
func (p Plugin) failed(e *C.PJRT_Error) error {
	if e == nil {
		return nil
	}
	text := C.error_text(p.api, e)
	defer C.free(unsafe.Pointer(text))
	return errors.New(strings.TrimSpace(C.GoString(text)))
}

// Client is a plugin's connection to its devices, of which it uses the first.
type Client struct {
	plugin Plugin
	on     C.handle
}

// Device describes a device.
type Device struct {
	Kind string // "cpu", "NVIDIA H100 80GB HBM3", …
	Name string // as the plugin prints it
}

// NewClient connects to the devices.
func (p Plugin) NewClient() (*Client, error) {
	c := &Client{plugin: p, on: C.handle{api: p.api}}
	if err := p.failed(C.create_client(p.api, &c.on.client)); err != nil {
		return nil, err
	}
	devices, err := c.addressable()
	if err != nil {
		return nil, err
	}
	if len(devices) == 0 {
		return nil, errors.New("pjrt: the plugin finds no device")
	}
	c.on.device = devices[0]
	return c, nil
}

func (c *Client) addressable() ([]*C.PJRT_Device, error) {
	var list **C.PJRT_Device
	var n C.size_t
	err := c.plugin.failed(C.list_devices(c.on, &list, &n))
	return unsafe.Slice(list, int(n)), err
}

// Describe returns the platform's name, the version of its runtime and compiler, and the devices.
func (c *Client) Describe() (platform, version string, devices []Device, err error) {
	var a, b C.text
	if err := c.plugin.failed(C.describe_client(c.on, &a, &b)); err != nil {
		return "", "", nil, err
	}
	platform, version = goString(a), goString(b)
	list, err := c.addressable()
	for _, d := range list {
		on := c.on
		on.device = d
		if err := c.plugin.failed(C.describe_device(on, &a, &b)); err != nil {
			return "", "", nil, err
		}
		devices = append(devices, Device{goString(a), goString(b)})
	}
	return platform, version, devices, err
}

func goString(t C.text) string { return C.GoStringN(t.data, C.int(t.size)) }

// cText passes bytes to a call; the pinner keeps them in place until the call returns.
func cText(pin *runtime.Pinner, b []byte) C.text {
	data := unsafe.SliceData(b)
	if len(b) > 0 {
		pin.Pin(data)
	}
	return C.text{data: chars(b), size: C.size_t(len(b))}
}

// Executable is a compiled program on the client's device.
type Executable struct {
	client *Client
	x      *C.PJRT_LoadedExecutable
}

// Compile compiles a StableHLO module, text or bytecode, with CompileOptions.
func (c *Client) Compile(module, options []byte) (*Executable, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	x := &Executable{client: c}
	if err := c.plugin.failed(C.compile(c.on, cText(&pin, module), cText(&pin, options), &x.x)); err != nil {
		return nil, err
	}
	return x, nil
}

// Serialize returns the machine code in a form that Deserialize loads, in a process with the same plugin and devices.
func (x *Executable) Serialize() ([]byte, error) {
	args := (*C.PJRT_Executable_Serialize_Args)(C.calloc(1, C.sizeof_PJRT_Executable_Serialize_Args))
	defer C.free(unsafe.Pointer(args))
	if err := x.client.plugin.failed(C.serialize(x.client.on, x.x, args)); err != nil {
		return nil, err
	}
	defer C.free_serialized(args)
	return C.GoBytes(unsafe.Pointer(args.serialized_bytes), C.int(args.serialized_bytes_size)), nil
}

// Deserialize loads what Serialize has returned. What another build has written gives an error or ends the process: check
// before that the bytes are of this plugin and whole.
func (c *Client) Deserialize(code []byte) (*Executable, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	x := &Executable{client: c}
	if err := c.plugin.failed(C.deserialize(c.on, cText(&pin, code), &x.x)); err != nil {
		return nil, err
	}
	return x, nil
}

// Destroy frees the program. Its calls must be destroyed before.
func (x *Executable) Destroy() error {
	if x.x == nil {
		return nil
	}
	err := x.client.plugin.failed(C.destroy_executable(x.client.on, x.x))
	x.x = nil
	return err
}

// bufferTypes are the element types as the API numbers them.
var bufferTypes = [...]C.int{
	tensor.Bool: C.PJRT_Buffer_Type_PRED, tensor.I32: C.PJRT_Buffer_Type_S32, tensor.I64: C.PJRT_Buffer_Type_S64,
	tensor.U32: C.PJRT_Buffer_Type_U32, tensor.U64: C.PJRT_Buffer_Type_U64, tensor.F32: C.PJRT_Buffer_Type_F32, tensor.F64: C.PJRT_Buffer_Type_F64,
}
