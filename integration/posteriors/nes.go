package posteriors

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type election struct {
	Party    tensor.Value `drey:"partyid7"`
	Ideology tensor.Value `drey:"real_ideo"`
	Race     tensor.Value `drey:"race_adj"`
	Age      tensor.Value `drey:"age_discrete"`
	Educ     tensor.Value `drey:"educ1"`
	Gender   tensor.Value `drey:"gender"`
	Income   tensor.Value `drey:"income"`
}

func nes(c *model.Context, d election) {
	regress(c, flatPositive(), d.Party, d.Ideology, d.Race, is(d.Age, 2), is(d.Age, 3), is(d.Age, 4), d.Educ, d.Gender, d.Income)
}

func nesPosteriors() []Posterior {
	var out []Posterior
	for _, year := range []int{1972, 1976, 1980, 1984, 1988, 1992, 1996, 2000} {
		data := fmt.Sprintf("nes%d", year)
		out = append(out, of(data+"-nes", data, nes))
	}
	return out
}
