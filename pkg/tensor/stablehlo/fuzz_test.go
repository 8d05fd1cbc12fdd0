package stablehlo_test

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// FuzzParse: no text makes Parse panic, and what it reads prints and reads back the same. Its seeds are JAX's texts, printed
// programs and those of TestErrors; testdata/fuzz holds some that fuzzing found to take paths of their own.
func FuzzParse(f *testing.F) {
	for _, op := range enginetest.Ops() {
		c, err := enginetest.RandomOp(op, 3)
		if err != nil {
			f.Fatal(err)
		}
		text, err := stablehlo.Print(c.Func)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, m := range mistakes {
		f.Add(m.text)
	}
	for _, cases := range jaxCases(f) {
		for _, c := range cases {
			if len(c.Text) < 4000 {
				f.Add(c.Text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := stablehlo.Parse(text)
		if err != nil {
			return
		}
		printed, err := stablehlo.Print(p)
		if err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		q, err := stablehlo.Parse(printed)
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, p, numbered(printed))
		}
		if p.String() != q.String() {
			t.Fatalf("printed and parsed\n%s\nwant\n%s", q, p)
		}
	})
}
