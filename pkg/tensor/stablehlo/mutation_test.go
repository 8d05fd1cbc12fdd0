package stablehlo_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// pieces are what a mutation exchanges: types, numbers, names of values, words.
var pieces = regexp.MustCompile(`tensor<[^>]*>|-?\b\d+\b|%[\w#]+|@[\w.]+|"[\w.]+"|\b[A-Za-z_.]+\b|\[[^\[\]]*\]`)

// mutate exchanges, repeats, drops or alters some pieces of the text.
func mutate(r *rand.Rand, text string) string {
	at := pieces.FindAllStringIndex(text, -1)
	var b strings.Builder
	last := 0
	for i, span := range at {
		if r.IntN(len(at)) > 1 {
			continue
		}
		b.WriteString(text[last:span[0]])
		last = span[1]
		piece := text[span[0]:span[1]]
		other := at[r.IntN(len(at))]
		switch r.IntN(6) {
		case 0:
			b.WriteString([]string{"-1", "0", "1", "7", "99999999999", "[]", "[0]", "[-1, 5]", "tensor<f64>", "tensor<0xf64>", "tensor<3x1xi32>"}[r.IntN(11)])
		case 1: // dropped
		case 2:
			b.WriteString(piece + ", " + piece)
		case 3: // the nearest piece after it of the same kind
			for _, o := range at[i+1:] {
				if text[o[0]] == piece[0] {
					other = o
					break
				}
			}
			fallthrough
		default:
			b.WriteString(text[other[0]:other[1]])
		}
	}
	return b.String() + text[last:]
}

// TestMutations: texts that are nearly right are read or refused, without a panic; what is read prints and reads back.
func TestMutations(t *testing.T) {
	var texts []string
	for _, cases := range jaxCases(t) {
		for _, c := range cases {
			texts = append(texts, c.Text)
		}
	}
	for _, op := range enginetest.Ops() {
		c, err := enginetest.RandomOp(op, 5)
		if err != nil {
			t.Fatal(err)
		}
		text, err := stablehlo.Print(c.Func)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	n := 10
	if testing.Short() {
		n = 2
	}
	r := rand.New(rand.NewPCG(1, 2))
	read := 0
	for range n {
		for _, text := range texts {
			text = mutate(r, text)
			f, err := parseOrReport(t, text)
			if err != nil {
				continue
			}
			read++
			roundTrip(t, f)
		}
	}
	t.Logf("%d of %d texts are read", read, n*len(texts))
}

// parseOrReport is Parse that shows the text of a panic.
func parseOrReport(t *testing.T, text string) (f *tensor.Func, err error) {
	defer func() {
		if p := recover(); p != nil {
			t.Logf("%s", numbered(text))
			panic(p)
		}
	}()
	return stablehlo.Parse(text)
}
