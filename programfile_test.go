package drey_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/pkg/model"
)

// TestProgramFile samples a program file from code: with its own data, with the same ones given, and with others.
func TestProgramFile(t *testing.T) {
	p, err := drey.Load("integration/imported/testdata/eight_schools.drey")
	if err != nil {
		t.Fatal(err)
	}
	if p.Name() != "eight_schools" {
		t.Errorf("name %q", p.Name())
	}
	options := []drey.Option{drey.Seed(4), drey.Chains(2), drey.Warmup(100), drey.Draws(50)}
	draw := func(data drey.Data, more ...drey.Option) *drey.Posterior {
		t.Helper()
		post, err := p.Sample(context.Background(), data, append(slices.Clone(options), more...)...)
		if err != nil {
			t.Fatal(err)
		}
		return post
	}
	own, given := draw(nil), draw(drey.Data{"y": schoolsData()["y"]}, drey.Out(filepath.Join(t.TempDir(), "run")))
	defer given.Close()
	same(t, "mu", own.Draws("mu"), given.Draws("mu"))
	y := schoolsData()["y"].([]float64)
	for i := range y {
		y[i] += 100
	}
	if other := draw(drey.Data{"y": y}); other.Draws("mu").At(1, 49) == own.Draws("mu").At(1, 49) {
		t.Error("other data give the same draws")
	}
	predicted, err := own.Predict(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if shape := predicted.Draws("obs").Shape(); !slices.Equal(shape, []int{2, 50, 8}) {
		t.Errorf("predictive draws of shape %v", shape)
	}
	prior, err := p.PriorPredictive(context.Background(), nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(prior.Sites(), "tau") || !slices.Contains(prior.Sites(), "obs") {
		t.Errorf("sites from the prior: %v", prior.Sites())
	}
}

func TestProgramFileErrors(t *testing.T) {
	if _, err := drey.Load("nowhere.drey"); err == nil || !strings.Contains(err.Error(), "nowhere.drey: no such file") {
		t.Errorf("a file that is not there: %v", err)
	}
	p, err := drey.Load("integration/imported/testdata/eight_schools.drey")
	if err != nil {
		t.Fatal(err)
	}
	for want, call := range map[string]func() error{
		"shape [2], want [8]": func() error {
			_, err := p.Sample(context.Background(), drey.Data{"y": []float64{1, 2}})
			return err
		},
		"export the model anew in that precision": func() error {
			_, err := p.PriorPredictive(context.Background(), nil, drey.Precision(model.Mixed))
			return err
		},
		"both as an argument and by an option": func() error {
			_, err := p.Sample(context.Background(), schoolsData(), drey.DataFile("schools.json"))
			return err
		},
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}
