// Package job turns a run into what travels, a manifest and the objects that it names, and back. What comes out samples the same
// draws, bit for bit, as what went in.
package job
