package runner

import (
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/job"
)

// Adapter takes the decisions of pooled warmup from the reports of package adapt.
type Adapter struct{}

var _ shell.Adapter = Adapter{}

// Adapt implements shell.Adapter.
func (Adapter) Adapt(b *shell.Barrier) (*shell.Adaptation, error) {
	d, next, err := job.Decide(b.Manifest, b.Contents, b.Metric)
	if err != nil {
		return nil, err
	}
	return &shell.Adaptation{StepSize: d.StepSize, Metric: d.Append(nil), Next: next, Suspects: d.Suspects}, nil
}
