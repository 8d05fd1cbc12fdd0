// Package adapt is dual averaging, Welford, window schedule, pooled merge.
//
// What runs inside a chain is traced code on structs of Values; what the host does at barriers is +, -, ×, ÷, √ in a fixed
// order. So warmup gives the same bits on every machine.
package adapt
