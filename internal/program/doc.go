// Package program reads program files: models that were written elsewhere, NumPyro's for example, with their data.
// docs/drey-file.md describes the format.
package program
