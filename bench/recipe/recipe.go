// Package recipe makes the benchmark's generated data sets from counter-based random numbers, the same in every language.
package recipe

import "math"

// SplitMix returns the finaliser of SplitMix64 (Steele, Lea & Flood 2014) applied to (counter+1)·0x9E3779B97F4A7C15.
func SplitMix(counter uint64) uint64 {
	z := (counter + 1) * 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// Uniform returns u(counter), strictly between 0 and 1.
func Uniform(counter uint64) float64 { return (float64(SplitMix(counter)>>11) + 0.5) / (1 << 53) }

// Normal returns g(index), standard normal by Box and Muller (1958) from u(2·index) and u(2·index + 1). Logarithm and
// cosine round differently from one machine to another, so the last bits may differ.
func Normal(index uint64) float64 {
	return math.Sqrt(-2*math.Log(Uniform(2*index))) * math.Cos(2*math.Pi*Uniform(2*index+1))
}

// GaussianProcess returns the data of the model gp, 100 each: a sine at x = 0, 0.1 … 9.9, seen with noise of standard
// deviation 0.3.
func GaussianProcess() (x, y []float64) {
	x, y = make([]float64, 100), make([]float64, 100)
	for i := range x {
		x[i] = float64(i) / 10
		y[i] = math.Sin(x[i]) + 0.3*Normal(uint64(i))
	}
	return x, y
}

// Columns is the number of coefficients of the logistic regression, the constant's among them.
const Columns = 54

// LogisticRegression returns the first rows of the data of the model logistic-regression: x is [rows, Columns] row by row
// with 1 in each row's first column, y is 0 or 1, and beta are the coefficients that y was drawn with. More rows begin
// with the same rows.
func LogisticRegression(rows int) (x []float64, y []int32, beta []float64) {
	beta = make([]float64, Columns)
	for j := range beta {
		beta[j] = 0.3 * Normal(1<<40+uint64(j))
	}
	x, y = make([]float64, rows*Columns), make([]int32, rows)
	for n := range rows {
		row := x[n*Columns : (n+1)*Columns]
		row[0] = 1
		for j := 1; j < Columns; j++ {
			row[j] = Normal(64*uint64(n) + uint64(j))
		}
		predictor := 0.0
		for j, value := range row {
			predictor += value * beta[j]
		}
		if Uniform(128*uint64(n)) < 1/(1+math.Exp(-predictor)) {
			y[n] = 1
		}
	}
	return x, y, beta
}
