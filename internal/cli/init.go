package cli

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed skeleton
var skeleton embed.FS

// skeletonFiles are the files of a new module besides go.mod and go.sum, by their names in skeleton.
var skeletonFiles = map[string]string{"main.go.txt": "main.go", "data.json.txt": "data.json", "README.md.txt": "README.md"}

// goDirective is the version of Go that a new module asks for: drey's own.
const goDirective = "1.26.0"

// replacedVersion is the version that go.mod names where the module is replaced by a directory.
const replacedVersion = "v0.0.0-00010101000000-000000000000"

func (c *command) init() *cobra.Command {
	checkout := ""
	cmd := &cobra.Command{
		Use: "init DIR [flags]", Short: "Write a small Go module with a model of your own", Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.initModule(cmd.Context(), args[0], checkout) },
	}
	cmd.Flags().StringVar(&checkout, "drey", "", "`directory` of drey's sources to build with (a development build of drey needs it)")
	return cmd
}

func (c *command) initModule(ctx context.Context, dir, checkout string) error {
	version := moduleVersion()
	if checkout == "" && version == development {
		return usage("init: this is a development build of drey, whose version can't be downloaded: name its sources with --drey PATH")
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return usage("init: %s is not empty: choose a new directory", dir)
	}
	name := moduleName(dir)
	files := map[string][]byte{}
	if checkout != "" {
		if err := replaced(files, name, checkout); err != nil {
			return asUsage(err)
		}
	} else {
		files["go.mod"] = fmt.Appendf(nil, "module %s\n\ngo %s\n\nrequire %s %s\n", name, goDirective, modulePath, version)
	}
	for from, to := range skeletonFiles {
		text, err := skeleton.ReadFile("skeleton/" + from)
		if err != nil {
			return err
		}
		files[to] = bytes.ReplaceAll(text, []byte("NAME"), []byte(name))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usage("init: %w", err)
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return err
		}
	}
	if checkout == "" {
		if err := tidy(ctx, dir); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(c.Out, "%s is a Go module with a model in main.go and data in data.json. To sample it:\n  cd %s && go run . run\n", dir, dir)
	return err
}

// tidy completes go.mod and go.sum.
func tidy(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "tidy")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go mod tidy in %s: %w\n%s", dir, err, bytes.TrimSpace(out))
	}
	return nil
}

// moduleName makes a module path of a directory's name.
func moduleName(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, filepath.Base(abs))
	if name = strings.Trim(name, "-"); name == "" {
		return "model"
	}
	return name
}

// replaced adds go.mod and go.sum of a module that is built with the sources in checkout. The requirements of the sources
// become its own, so that nothing has to be looked up.
func replaced(files map[string][]byte, name, checkout string) error {
	path, err := filepath.Abs(checkout)
	if err != nil {
		return fmt.Errorf("--drey: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(path, "go.mod"))
	if err != nil {
		return fmt.Errorf("--drey %s: %w", checkout, err)
	}
	requires, goVersion, err := readModule(text)
	if err != nil {
		return fmt.Errorf("--drey %s: %w", checkout, err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "module %s\n\ngo %s\n\nrequire %s %s\n\nrequire (\n", name, goVersion, modulePath, replacedVersion)
	for _, r := range requires {
		fmt.Fprintf(&b, "\t%s // indirect\n", r)
	}
	fmt.Fprintf(&b, ")\n\nreplace %s => %s\n", modulePath, quotePath(path))
	files["go.mod"] = b.Bytes()
	if files["go.sum"], err = os.ReadFile(filepath.Join(path, "go.sum")); err != nil {
		return fmt.Errorf("--drey %s: %w", checkout, err)
	}
	return nil
}

// quotePath quotes a path where go.mod needs that.
func quotePath(path string) string {
	if strings.ContainsAny(path, " \t\"'`()[]{},") {
		return fmt.Sprintf("%q", path)
	}
	return path
}

// readModule returns the requirements in drey's go.mod, "path version" each, and its version of Go.
func readModule(text []byte) (requires []string, goVersion string, err error) {
	module, inside := "", false
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "//")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case inside && words[0] == ")":
			inside = false
		case inside && len(words) == 2:
			requires = append(requires, words[0]+" "+words[1])
		case words[0] == "require" && len(words) == 2 && words[1] == "(":
			inside = true
		case words[0] == "require" && len(words) == 3:
			requires = append(requires, words[1]+" "+words[2])
		case words[0] == "module" && len(words) == 2:
			module = words[1]
		case words[0] == "go" && len(words) == 2:
			goVersion = words[1]
		}
	}
	if module != modulePath {
		return nil, "", errors.New("it does not hold drey's sources: its go.mod is of another module")
	}
	return requires, goVersion, lines.Err()
}
