package model_test

import (
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type grouped struct {
	Y      tensor.Value `drey:"y"`
	Group  tensor.Value `drey:"group,index=G"`
	Groups int          `drey:"G"`
}

func levels(c *model.Context, d grouped) {
	mu := c.Sample("mu", dist.Normal(0, 1))
	tau := c.Sample("tau", dist.HalfNormal(1))
	z := c.Plate("groups", d.Groups).Sample("z", dist.Normal(0, 1))
	c.Plate("rows", d.Group.Dim(0)).Observe("obs", dist.Normal(mu.Add(tau.Mul(z.At(d.Group))), 1), d.Y)
}

// TestScalarsMeetGroupsBeforeRows checks that mu + tau·z[group] is computed per group: no product or sum with a scalar is
// left between the gather and the data.
func TestScalarsMeetGroupsBeforeRows(t *testing.T) {
	_, b := compile(t, levels, model.Data{
		"y": []float64{1, 2, 3, 4, 5, 6}, "group": []int{0, 1, 1, 0, 1, 0}, "G": 2,
	})
	text := b.LogDensity.String()
	gather := strings.Index(text, "take(")
	if gather < 0 || strings.Count(text, "take(") != 1 {
		t.Fatalf("want one gather:\n%s", text)
	}
	if before := text[:gather]; !strings.Contains(before, "mul(") || strings.Count(text[gather:], "f64[6]") > 6 {
		t.Errorf("row-wise work is left after the gather:\n%s", text)
	}
}
