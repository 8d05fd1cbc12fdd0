package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// findPip returns the command that runs pip, nil where there is none.
func findPip() []string {
	for _, name := range []string{"pip3", "pip"} {
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}
		}
	}
	return nil
}

// errNoPip is returned by byPip where there is no pip.
var errNoPip = errors.New("xla: there is no pip")

// python is the version that wheels of compiled Python modules are pinned for; the plugin is the same in all of them.
const python = "3.12"

// byPip fetches a wheel with pip, which knows the indexes and proxies of this machine.
func (in *Installer) byPip(ctx context.Context, w Wheel, path string) error {
	if in.pip == nil {
		return errNoPip
	}
	dir := filepath.Dir(path)
	args := append(in.pip[1:], "download", "--quiet", "--no-deps", "--disable-pip-version-check", "--only-binary=:all:",
		"--python-version", python, "--dest", dir)
	for _, tag := range w.tags() {
		args = append(args, "--platform", tag)
	}
	cmd := exec.CommandContext(ctx, in.pip[0], append(args, w.Project+"=="+w.Version)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("xla: pip did not fetch %s: %w: %s", w.File, err, lastLine(out))
	}
	return nil
}

func lastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}

// byHTTPS fetches a wheel from the index.
func (in *Installer) byHTTPS(ctx context.Context, w Wheel, path string) error {
	from, err := in.locate(ctx, w)
	if err != nil {
		return fmt.Errorf("xla: %s is not fetched: %w", w.File, err)
	}
	body, err := get(ctx, from)
	if err != nil {
		return fmt.Errorf("xla: %s is not fetched: %w", w.File, err)
	}
	defer body.Close()
	_ = os.Remove(path) // what pip may have left
	// A file of another size is refused by its digest; the limit keeps a wrong one from filling the disk.
	if err := write(path, io.LimitReader(body, w.Size+1)); err != nil {
		return fmt.Errorf("xla: %s is not fetched: %w", w.File, err)
	}
	return nil
}

// locate asks the index for the address of a wheel.
func (in *Installer) locate(ctx context.Context, w Wheel) (string, error) {
	at := in.index + "/pypi/" + w.Project + "/" + w.Version + "/json"
	body, err := get(ctx, at)
	if err != nil {
		return "", err
	}
	defer body.Close()
	var answer struct {
		URLs []struct{ Filename, URL string }
	}
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return "", fmt.Errorf("%s: %w", at, err)
	}
	base, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	for _, u := range answer.URLs {
		if u.Filename == w.File {
			to, err := base.Parse(u.URL)
			if err != nil {
				return "", fmt.Errorf("%s: %w", at, err)
			}
			return to.String(), nil
		}
	}
	return "", fmt.Errorf("%s does not list it", at)
}

func get(ctx context.Context, from string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("%s: %s", from, strings.ToLower(r.Status)), r.Body.Close())
	}
	return r.Body, nil
}
