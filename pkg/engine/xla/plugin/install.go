package plugin

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Installer installs plugins in Dir.
type Installer struct {
	Dir string
	// From is where the files are: a directory that holds the wheels under their names, or a plugin of one's own (a
	// shared library), which is taken as it is. "" fetches the wheels: by pip where there is one, so that its
	// configuration applies, else from the index by HTTPS.
	From string
	Log  func(line string) // says what is being done

	index string   // URL of the package index
	pip   []string // the command; nil: there is none
}

// NewInstaller returns an Installer for the user's plugins.
func NewInstaller(from string, log func(string)) (*Installer, error) {
	dir, err := Dir()
	if err != nil {
		return nil, err
	}
	return &Installer{Dir: dir, From: from, Log: log, index: "https://pypi.org", pip: findPip()}, nil
}

// contents is the file of an installed plugin that names its wheels.
const contents = "wheels.txt"

// list is the text of contents, "" for a plugin of one's own.
func (r Release) list() string {
	var b strings.Builder
	for _, w := range r.Wheels {
		fmt.Fprintf(&b, "%s %s\n", w.SHA256, w.File)
	}
	return b.String()
}

// Installed reports whether the plugin is in place, made of the same wheels.
func (in *Installer) Installed(r Release) bool {
	text, err := os.ReadFile(filepath.Join(in.Dir, r.Platform, contents))
	return err == nil && len(r.Wheels) > 0 && string(text) == r.list()
}

// Install puts the plugin in place and returns its path. Wheels are checked against their pinned digests before anything of
// them is unpacked; a plugin that was there stays until the new one is complete. It does nothing where Installed.
func (in *Installer) Install(ctx context.Context, r Release) (string, error) {
	if in.Installed(r) {
		return installed(in.Dir, r.Platform), nil
	}
	if err := os.MkdirAll(in.Dir, 0o755); err != nil {
		return "", fmt.Errorf("xla: %w", err)
	}
	work, err := os.MkdirTemp(in.Dir, "install-*") // beside the plugins, so that a rename puts them in place
	if err != nil {
		return "", fmt.Errorf("xla: %w", err)
	}
	defer os.RemoveAll(work)
	tree := filepath.Join(work, "tree")
	if err := in.fill(ctx, r, work, tree); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(tree, filepath.FromSlash(libraries[r.Platform]))); err != nil {
		return "", fmt.Errorf("xla: the wheel %s has no %s", r.Wheels[0].File, libraries[r.Platform])
	}
	if err := write(filepath.Join(tree, contents), strings.NewReader(r.list())); err != nil {
		return "", fmt.Errorf("xla: %w", err)
	}
	place := filepath.Join(in.Dir, r.Platform)
	if err := os.Rename(place, filepath.Join(work, "old")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("xla: %w", err)
	}
	if err := os.Rename(tree, place); err != nil {
		return "", fmt.Errorf("xla: %w", err)
	}
	return installed(in.Dir, r.Platform), nil
}

// fill makes the tree of a plugin's files.
func (in *Installer) fill(ctx context.Context, r Release, work, tree string) error {
	if in.From != "" {
		info, err := os.Stat(in.From)
		if err != nil {
			return fmt.Errorf("xla: --from: %w", err)
		}
		if !info.IsDir() {
			return in.ownPlugin(r, tree)
		}
	}
	for _, w := range r.Wheels {
		in.Log(fmt.Sprintf("%s %s, %d MB", w.Project, w.Version, megabytes(w.Size)))
		path, err := in.wheel(ctx, w, work)
		if err != nil {
			return err
		}
		if err := unpack(path, tree); err != nil {
			return fmt.Errorf("xla: %s: %w", w.File, err)
		}
		if in.From == "" {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("xla: %w", err)
			}
		}
	}
	return nil
}

func megabytes(n int64) int64 { return (n + 500_000) / 1_000_000 }

// ownPlugin takes the file From as the plugin.
func (in *Installer) ownPlugin(r Release, tree string) error {
	if strings.HasSuffix(in.From, ".whl") {
		return errors.New("xla: --from takes a shared library, or the directory that the wheels are in")
	}
	src, err := os.Open(in.From)
	if err != nil {
		return fmt.Errorf("xla: --from: %w", err)
	}
	defer src.Close()
	in.Log("a plugin of your own: " + in.From)
	if err := write(filepath.Join(tree, filepath.FromSlash(libraries[r.Platform])), src); err != nil {
		return fmt.Errorf("xla: --from %s: %w", in.From, err)
	}
	return nil
}

// wheel returns the path of a wheel that has its pinned digest.
func (in *Installer) wheel(ctx context.Context, w Wheel, work string) (string, error) {
	if in.From != "" {
		path := filepath.Join(in.From, w.File)
		return path, w.check(path)
	}
	path := filepath.Join(work, w.File)
	var problems []error
	for _, get := range []func(context.Context, Wheel, string) error{in.byPip, in.byHTTPS} {
		err := get(ctx, w, path)
		if err == nil {
			err = w.check(path)
		}
		if err == nil {
			return path, nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		problems = append(problems, err)
	}
	return "", errors.Join(problems...)
}

// check compares a file with the wheel's digest.
func (w Wheel) check(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("xla: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("xla: %w", err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != w.SHA256 {
		return fmt.Errorf("xla: %s is not the file that was published: its SHA-256 is %s, want %s", w.File, got, w.SHA256)
	}
	return nil
}

// unpack writes the files of a wheel to the tree.
func unpack(wheel, tree string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		if !filepath.IsLocal(f.Name) {
			return fmt.Errorf("the name %q leads out of the wheel", f.Name)
		}
		src, err := f.Open()
		if err != nil {
			return err
		}
		err = errors.Join(write(filepath.Join(tree, filepath.FromSlash(f.Name)), src), src.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// write makes a file that a crash after it leaves whole.
func write(path string, src io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	dst, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755) // tools such as ptxas are run
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Sync(), dst.Close())
}
