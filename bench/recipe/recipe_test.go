package recipe

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func load(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "data", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// near compares with room for log, cos and sin to round differently in their last bits on another machine: a product and
// a square root pass on less than 8 units in the last place, and near a zero of the sum the error is of the terms, below 2.
func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 8*0x1p-52*math.Max(1, math.Abs(want[i])) {
			t.Errorf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestRandomNumbersAreTheKnownOnes(t *testing.T) {
	var known struct {
		SplitMix []string  `json:"splitmix_0_to_3_hex"`
		U        []float64 `json:"u_0_to_3"`
		G        []float64 `json:"g_0_to_3"`
	}
	load(t, "random_numbers.json", &known)
	var normals []float64
	for i := range uint64(4) {
		if got := fmt.Sprintf("%016x", SplitMix(i)); got != known.SplitMix[i] {
			t.Errorf("SplitMix(%d) = %s, want %s", i, got, known.SplitMix[i])
		}
		if got := Uniform(i); got != known.U[i] {
			t.Errorf("Uniform(%d) = %v, want %v", i, got, known.U[i])
		}
		normals = append(normals, Normal(i))
	}
	near(t, "Normal", normals, known.G)
}

// The peers read gp.json and make the logistic regression data in Python: these must be the same data.
func TestDataAreThePeers(t *testing.T) {
	var stored struct{ X, Y []float64 }
	load(t, "gp.json", &stored)
	gx, gy := GaussianProcess()
	near(t, "gp x", gx, stored.X)
	near(t, "gp y", gy, stored.Y)

	var known struct {
		Figures struct {
			Beta  []float64 `json:"beta_true_0_to_3"`
			First []float64 `json:"x_first_row_0_to_3"`
			Last  float64   `json:"x_last"`
			Y     []int32   `json:"y_0_to_9"`
			Sum   int       `json:"y_sum"`
		} `json:"logistic_regression_20000"`
	}
	load(t, "random_numbers.json", &known)
	x, y, beta := LogisticRegression(20_000)
	near(t, "beta", beta[:4], known.Figures.Beta)
	near(t, "first row", x[:4], known.Figures.First)
	near(t, "last", x[len(x)-1:], []float64{known.Figures.Last})
	if !slices.Equal(y[:10], known.Figures.Y) {
		t.Errorf("y = %v …, want %v", y[:10], known.Figures.Y)
	}
	sum := 0
	for _, value := range y {
		sum += int(value)
	}
	if sum != known.Figures.Sum {
		t.Errorf("%d of the 20,000 are 1, want %d", sum, known.Figures.Sum)
	}
}
