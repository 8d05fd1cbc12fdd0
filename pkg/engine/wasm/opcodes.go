package wasm

// WebAssembly instructions, by the numbers of the core specification 2.0.
const (
	opI32Load    = 0x28
	opI64Load    = 0x29
	opF32Load    = 0x2a
	opF64Load    = 0x2b
	opI32Load8U  = 0x2d
	opI32Store   = 0x36
	opI64Store   = 0x37
	opF32Store   = 0x38
	opF64Store   = 0x39
	opI32Store8  = 0x3a
	opI32Eqz     = 0x45
	opI32Eq      = 0x46
	opI32Ne      = 0x47
	opI32LtS     = 0x48
	opI32LtU     = 0x49
	opI32GtS     = 0x4a
	opI32GtU     = 0x4b
	opI32LeS     = 0x4c
	opI32LeU     = 0x4d
	opI32GeS     = 0x4e
	opI32GeU     = 0x4f
	opI64Eqz     = 0x50
	opI64Eq      = 0x51
	opI64Ne      = 0x52
	opI64LtS     = 0x53
	opI64LtU     = 0x54
	opI64GtS     = 0x55
	opI64GtU     = 0x56
	opI64LeS     = 0x57
	opI64LeU     = 0x58
	opI64GeS     = 0x59
	opI64GeU     = 0x5a
	opF32Eq      = 0x5b
	opF64Eq      = 0x61
	opF64Lt      = 0x63
	opF64Gt      = 0x64
	opI32Popcnt  = 0x69
	opI32Add     = 0x6a
	opI32Sub     = 0x6b
	opI32Mul     = 0x6c
	opI32DivS    = 0x6d
	opI32DivU    = 0x6e
	opI32RemS    = 0x6f
	opI32RemU    = 0x70
	opI32And     = 0x71
	opI32Or      = 0x72
	opI32Xor     = 0x73
	opI32Shl     = 0x74
	opI32ShrS    = 0x75
	opI32ShrU    = 0x76
	opI64Popcnt  = 0x7b
	opI64Add     = 0x7c
	opI64Sub     = 0x7d
	opI64Mul     = 0x7e
	opI64DivS    = 0x7f
	opI64DivU    = 0x80
	opI64RemS    = 0x81
	opI64RemU    = 0x82
	opI64And     = 0x83
	opI64Or      = 0x84
	opI64Xor     = 0x85
	opI64Shl     = 0x86
	opI64ShrS    = 0x87
	opI64ShrU    = 0x88
	opF32Abs     = 0x8b
	opF64Abs     = 0x99
	opF64Neg     = 0x9a
	opF64Sqrt    = 0x9f
	opF64Add     = 0xa0
	opF64Sub     = 0xa1
	opF64Mul     = 0xa2
	opF64Div     = 0xa3
	opF64Min     = 0xa4
	opF64Max     = 0xa5
	opF64Copysgn = 0xa6
	opI32WrapI64 = 0xa7
	opI64ExtI32S = 0xac
	opI64ExtI32U = 0xad
	opF32CvtI32S = 0xb2
	opF32CvtI32U = 0xb3
	opF32CvtI64S = 0xb4
	opF32CvtI64U = 0xb5
	opF32Demote  = 0xb6
	opF64CvtI32S = 0xb7
	opF64CvtI32U = 0xb8
	opF64CvtI64S = 0xb9
	opF64CvtI64U = 0xba
	opF64Promote = 0xbb
	opI32ReintF  = 0xbc
	opI64ReintF  = 0xbd
	opF32ReintI  = 0xbe
	opF64ReintI  = 0xbf

	// SIMD, after the 0xfd prefix.
	vLoad       = 0x00
	vStore      = 0x0b
	vConst      = 0x0c
	vShuffle    = 0x0d
	vI64Splat   = 0x12
	vF64Splat   = 0x14
	vI64Extract = 0x1d
	vF64Extract = 0x21
	vF64Replace = 0x22
	vF64Eq      = 0x47
	vF64Ne      = 0x48
	vF64Lt      = 0x49
	vF64Gt      = 0x4a
	vF64Le      = 0x4b
	vF64Ge      = 0x4c
	vNot        = 0x4d
	vAnd        = 0x4e
	vAndNot     = 0x4f
	vOr         = 0x50
	vXor        = 0x51
	vBitselect  = 0x52
	vLoad64Zero = 0x5d
	vF64Ceil    = 0x74
	vF64Floor   = 0x75
	vF64Trunc   = 0x7a
	vF64Nearest = 0x94
	vI64Abs     = 0xc0
	vI64Neg     = 0xc1
	vI64Shl     = 0xcb
	vI64ShrS    = 0xcc
	vI64ShrU    = 0xcd
	vI64Add     = 0xce
	vI64Sub     = 0xd1
	vI64Mul     = 0xd5
	vI64Eq      = 0xd6
	vI64Ne      = 0xd7
	vI64LtS     = 0xd8
	vI64GtS     = 0xd9
	vI64LeS     = 0xda
	vI64GeS     = 0xdb
	vF64Abs     = 0xec
	vF64Neg     = 0xed
	vF64Sqrt    = 0xef
	vF64Add     = 0xf0
	vF64Sub     = 0xf1
	vF64Mul     = 0xf2
	vF64Div     = 0xf3
	vF64Min     = 0xf4
	vF64Max     = 0xf5
	vF64PMin    = 0xf6 // b < a ? b : a
	vF64PMax    = 0xf7 // a < b ? b : a
)

// bulk memory, after the 0xfc prefix.
const (
	bulkCopy = 10
	bulkFill = 11
)

// memoryCopy writes memory.copy; destination, source and length are on the stack.
func (a *asm) memoryCopy() { a.op(0xfc, bulkCopy, 0, 0) }

// memoryFill writes memory.fill; destination, byte and length are on the stack.
func (a *asm) memoryFill() { a.op(0xfc, bulkFill, 0) }
