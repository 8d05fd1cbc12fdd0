package job

import (
	"encoding/json"
	"fmt"

	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
	"github.com/drey-sampler/drey/pkg/transport"
)

// What a program object begins with.
const (
	formatName    = "drey bundle"
	formatVersion = 1
)

// object is the program object of a manifest, as JSON: the model's manifest, and its programs as StableHLO text.
type object struct {
	Format   string            `json:"format"`
	Version  int               `json:"version"`
	Manifest model.Manifest    `json:"manifest"`
	Programs map[string]string `json:"programs"`
}

// named is a program of a bundle and its name in an object.
type named struct {
	name string
	f    **tensor.Func
}

// programs are those of a bundle that chains need.
func programs(b *model.Bundle) []named {
	return []named{{"log_density", &b.LogDensity}, {"constrain", &b.Constrain}, {"site_log_density", &b.SiteLogDensity}}
}

// encode returns the program object of a bundle and of programs of starts.
func encode(b *model.Bundle, specs []transport.InitSpec, inits []*tensor.Func) ([]byte, error) {
	o := object{Format: formatName, Version: formatVersion, Manifest: b.Manifest, Programs: map[string]string{}}
	print := func(name string, f *tensor.Func) (err error) {
		if o.Programs[name], err = stablehlo.Print(f); err != nil {
			err = fmt.Errorf("job: program %s: %w", name, err)
		}
		return err
	}
	for _, p := range programs(b) {
		if err := print(p.name, *p.f); err != nil {
			return nil, err
		}
	}
	for i, f := range inits {
		if err := print(specs[i].Program, f); err != nil {
			return nil, err
		}
	}
	return json.Marshal(&o)
}

// decode is the inverse of encode.
func decode(text []byte, specs []transport.InitSpec) (*model.Bundle, []*tensor.Func, error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, nil, fmt.Errorf("not a program object: %w", err)
	}
	if head.Format != formatName || head.Version != formatVersion {
		return nil, nil, fmt.Errorf("an object of format %q, version %d; this drey reads %q, version %d: run the same version of drey everywhere", head.Format, head.Version, formatName, formatVersion)
	}
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, nil, fmt.Errorf("not a program object: %w", err)
	}
	parse := func(name string) (*tensor.Func, error) {
		text, ok := o.Programs[name]
		if !ok {
			return nil, fmt.Errorf("%s is missing", name)
		}
		f, err := stablehlo.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return f, nil
	}
	b := &model.Bundle{Manifest: o.Manifest}
	for _, p := range programs(b) {
		var err error
		if *p.f, err = parse(p.name); err != nil {
			return nil, nil, err
		}
	}
	var inits []*tensor.Func
	for _, s := range specs {
		f, err := parse(s.Program)
		if err != nil {
			return nil, nil, err
		}
		inits = append(inits, f)
	}
	if len(inits) > 0 {
		b.Init = inits[0]
	}
	b.Digest = b.LogDensity.Digest()
	return b, inits, nil
}
