// Package pjrt calls a PJRT plugin, a shared library with XLA's compiler and runtime for one platform, over the PJRT C API.
//
// It needs cgo, on Linux or macOS; without it the package has CompileOptions only. Nothing is freed by finalisers: who makes
// a Buffer, an Executable or a Call destroys it. Plugins and clients last as long as the process.
package pjrt
