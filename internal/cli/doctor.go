package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
)

// engineReport is what doctor finds out about an engine.
type engineReport struct {
	Name    string   `json:"name"`
	Works   bool     `json:"works"`
	Version string   `json:"version,omitempty"`
	Devices []string `json:"devices,omitempty"`
	Plugin  string   `json:"plugin,omitempty"`
	Problem string   `json:"problem,omitempty"`
	Advice  string   `json:"advice,omitempty"`
}

func (c *command) doctor() *cobra.Command {
	var asJSON bool
	var platform string
	cmd := &cobra.Command{
		Use: "doctor [flags]", Short: "Show which engines work here, and what the others need", Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if platform != "" {
				return json.NewEncoder(c.Out).Encode(inspect(platform))
			}
			return c.diagnose(cmd.Context(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	// doctor calls itself with it for each plugin.
	cmd.Flags().StringVar(&platform, "platform", "", "print the JSON of one platform")
	_ = cmd.Flags().MarkHidden("platform")
	return cmd
}

func (c *command) diagnose(ctx context.Context, asJSON bool) error {
	cores := fmt.Sprintf("%d cores, %s/%s", runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH)
	reports := []engineReport{
		{Name: runner.EngineWasm, Works: true, Version: wasm.Generator, Devices: []string{cores}},
		{Name: runner.EngineReference, Works: true, Advice: "slow by intent: it is what the others are compared with"},
	}
	for _, platform := range slices.Backward(plugin.Platforms) {
		reports = append(reports, examine(ctx, platform))
	}
	if asJSON {
		return json.NewEncoder(c.Out).Encode(struct {
			Drey    string         `json:"drey"`
			Engines []engineReport `json:"engines"`
		}{version(), reports})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", version())
	for _, r := range reports {
		fmt.Fprintf(&b, "%-10s %s\n", r.Name, strings.Join(r.lines(), "\n           "))
	}
	_, err := c.Out.Write([]byte(b.String()))
	return err
}

// lines describes an engine: what it is, or why it does not work, and what to do.
func (r *engineReport) lines() []string {
	var out []string
	if r.Works {
		out = append(out, strings.Join(append([]string{"works"}, r.about()...), ": "))
	} else {
		out = append(out, "does not work: "+r.Problem)
	}
	if r.Plugin != "" {
		out = append(out, "plugin "+r.Plugin)
	}
	if r.Advice != "" {
		out = append(out, r.Advice)
	}
	return out
}

func (r *engineReport) about() []string {
	about := r.Version
	var kinds []string
	for _, d := range r.Devices {
		if !slices.Contains(kinds, d) {
			kinds = append(kinds, d)
		}
	}
	for i, kind := range kinds {
		n := 0
		for _, d := range r.Devices {
			if d == kind {
				n++
			}
		}
		if n > 1 {
			kinds[i] = fmt.Sprintf("%d × %s", n, kind)
		}
	}
	if len(kinds) > 0 {
		about += ", on " + strings.Join(kinds, ", ")
	}
	if about == "" {
		return nil
	}
	return []string{about}
}

// inspectTime is enough to load a plugin and to find its devices; one that looks for hardware it does not have can take
// very long.
const inspectTime = time.Minute

// examine inspects a platform in a process of its own, which a plugin may end.
func examine(ctx context.Context, platform string) engineReport {
	r := engineReport{Name: xla.Prefix + platform}
	if err := xla.Built(); err != nil {
		r.Problem = plain(err.Error())
		return r
	}
	path, err := plugin.Find(platform)
	if err != nil {
		return unavailable(platform, err)
	}
	r.Plugin = path
	self, err := os.Executable()
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, inspectTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "doctor", "--platform", platform)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if ctx.Err() == context.DeadlineExceeded {
		r.Problem, r.Advice = fmt.Sprintf("its plugin has found no device within %s", inspectTime), advice(platform)
	} else if err != nil {
		said := strings.TrimSpace(problems.String())
		r.Problem = fmt.Sprintf("its plugin fails: %v: %s", err, said[strings.LastIndexByte(said, '\n')+1:])
		r.Advice = advice(platform)
	}
	return r
}

// inspect loads the plugin of a platform and asks it for its devices.
func inspect(platform string) engineReport {
	info, err := xla.Describe(platform, xla.Config{})
	if err != nil {
		return unavailable(platform, err)
	}
	return engineReport{
		Name: info.Name, Works: true, Version: fmt.Sprintf("PJRT %s, %s, build %s", info.API, info.Version, info.Build),
		Devices: info.Devices, Plugin: info.Plugin,
	}
}

func unavailable(platform string, err error) engineReport {
	r := engineReport{Name: xla.Prefix + platform, Problem: plain(err.Error())}
	var missing *plugin.MissingError
	if errors.As(err, &missing) {
		r.Problem = "no plugin is installed"
		r.Advice = fmt.Sprintf("drey xla install %s fetches it", platform)
	}
	if needs := advice(platform); needs != "" {
		r.Advice = strings.TrimPrefix(r.Advice+"; "+needs, "; ")
	}
	return r
}

// advice says what a platform needs besides its plugin.
func advice(platform string) string {
	switch platform {
	case "cuda":
		return "it needs an NVIDIA GPU and a driver for CUDA 13 (580 or later)"
	case "tpu":
		return "it needs a TPU VM of Google Cloud"
	}
	return ""
}
