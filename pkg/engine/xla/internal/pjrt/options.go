package pjrt

import (
	"encoding/binary"
	"slices"
)

// Option sets one of XLA's debug options (the names in xla.proto, those of XLA_FLAGS) to a string or a bool.
type Option struct {
	Name  string
	Value any
}

// CompileOptions returns the CompileOptionsProto of openxla/xla (xla/pjrt/proto/compile_options.proto) for a program that
// runs once, on one device. It panics for a Value that is neither a string, a bool nor an int.
func CompileOptions(options ...Option) []byte {
	// executable_build_options, field 3: device_ordinal (1) -1: unset; num_replicas (4) 1; num_partitions (5) 1.
	build := binary.AppendUvarint([]byte{1 << 3}, 1<<64-1)
	build = append(build, 4<<3, 1, 5<<3, 1)
	out := message(nil, 3, build)
	for _, o := range options { // env_option_overrides, field 7: a map, name (1) → OptionOverrideProto (2)
		var value []byte
		switch v := o.Value.(type) {
		case string: // string_field, field 1
			value = message(nil, 1, []byte(v))
		case bool: // bool_field, field 2
			value = []byte{2 << 3, 0}
			if v {
				value[1] = 1
			}
		case int: // int_field, field 3
			value = binary.AppendUvarint([]byte{3 << 3}, uint64(v))
		default:
			panic("pjrt: CompileOptions: option " + o.Name + " is neither a string, a bool nor an int")
		}
		out = message(out, 7, message(message(nil, 1, []byte(o.Name)), 2, value))
	}
	return out
}

// message appends a field of length-delimited bytes.
func message(dst []byte, field int, data []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(field<<3|2)), uint64(len(data)))
	return slices.Concat(dst, data)
}
