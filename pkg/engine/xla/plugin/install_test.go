package plugin

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wheelOf returns a wheel with the files and its description.
func wheelOf(t *testing.T, project string, files map[string]string) (Wheel, []byte) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	file := strings.ReplaceAll(project, "-", "_") + "-1.2-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
	return Wheel{project, "1.2", file, hex.EncodeToString(sum[:]), int64(b.Len())}, b.Bytes()
}

// release is a plugin for CUDA of two wheels.
func release(t *testing.T) (r Release, wheels map[string][]byte) {
	a, abytes := wheelOf(t, "the-plugin", map[string]string{libraries["cuda"]: "a library", "the_plugin-1.2.dist-info/METADATA": "Name: x"})
	b, bbytes := wheelOf(t, "the-runtime", map[string]string{"nvidia/cu13/lib/libcublas.so.13": "cublas"})
	return Release{Platform: "cuda", Wheels: []Wheel{a, b}}, map[string][]byte{a.File: abytes, b.File: bbytes}
}

// index serves wheels as PyPI does; addresses of files are relative.
func index(t *testing.T, r Release, wheels map[string][]byte) string {
	mux := http.NewServeMux()
	for _, w := range r.Wheels {
		type file struct {
			Filename string `json:"filename"`
			URL      string `json:"url"`
		}
		mux.HandleFunc("/pypi/"+w.Project+"/"+w.Version+"/json", func(rw http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(rw).Encode(map[string]any{"urls": []file{{"other.whl", "../other.whl"}, {w.File, "../../../packages/" + w.File}}})
		})
	}
	mux.HandleFunc("/packages/{file}", func(rw http.ResponseWriter, q *http.Request) {
		if b, ok := wheels[q.PathValue("file")]; ok {
			_, _ = rw.Write(b)
			return
		}
		http.NotFound(rw, q)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func installer(t *testing.T) *Installer {
	return &Installer{Dir: filepath.Join(t.TempDir(), "xla"), Log: func(string) {}, index: "http://127.0.0.1:1"}
}

// content returns a file's text, "" where it is not there.
func content(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

func expectTree(t *testing.T, in *Installer, library string) {
	t.Helper()
	if got := content(installed(in.Dir, "cuda")); got != library {
		t.Errorf("the installed library is %q, want %q", got, library)
	}
	left, err := os.ReadDir(in.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if e.Name() != "cuda" {
			t.Errorf("%s is left over", e.Name())
		}
	}
}

func TestInstallFromIndex(t *testing.T) {
	r, wheels := release(t)
	in := installer(t)
	in.index = index(t, r, wheels)
	for i := range 3 { // the second time there is nothing to do, the third time over another plugin
		if i == 2 {
			if err := os.WriteFile(filepath.Join(in.Dir, "cuda", contents), []byte("another"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if in.Installed(r) != (i == 1) {
			t.Errorf("before installing for the %d. time: installed %v", i+1, i != 1)
		}
		path, err := in.Install(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if path != installed(in.Dir, "cuda") {
			t.Errorf("installed at %s", path)
		}
		expectTree(t, in, "a library")
		if got := content(filepath.Join(filepath.Dir(path), "../../nvidia/cu13/lib/libcublas.so.13")); got != "cublas" {
			t.Errorf("the runtime's library is %q", got)
		}
	}
}

// TestInstallByPip has a program in the place of pip that writes the wheel where pip download does.
func TestInstallByPip(t *testing.T) {
	r, wheels := release(t)
	in := installer(t)
	from := t.TempDir()
	for name, b := range wheels {
		if err := os.WriteFile(filepath.Join(from, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script := filepath.Join(from, "pip")
	text := "#!/bin/sh\ncd " + from + "\nwhile [ $# -gt 1 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\n" +
		"name=$(echo \"${1%%==*}\" | tr - _)\ncp \"$name\"-*.whl \"$dest\"\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	in.pip = []string{script}
	if _, err := in.Install(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	expectTree(t, in, "a library")

	// A pip that fails leaves the work to HTTPS.
	in.Dir = filepath.Join(t.TempDir(), "xla")
	in.pip, in.index = []string{"false"}, index(t, r, wheels)
	if _, err := in.Install(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	expectTree(t, in, "a library")
}

func TestInstallFromPath(t *testing.T) {
	r, wheels := release(t)
	in := installer(t)
	in.From = t.TempDir()
	for name, b := range wheels {
		if err := os.WriteFile(filepath.Join(in.From, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.Install(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	expectTree(t, in, "a library")
	for name := range wheels {
		if content(filepath.Join(in.From, name)) == "" {
			t.Errorf("%s is gone from the directory it was installed from", name)
		}
	}

	own := filepath.Join(t.TempDir(), "plugin.so")
	if err := os.WriteFile(own, []byte("my own"), 0o644); err != nil {
		t.Fatal(err)
	}
	in.From = own
	if _, err := in.Install(t.Context(), Release{Platform: "cuda"}); err != nil {
		t.Fatal(err)
	}
	expectTree(t, in, "my own")
}

// TestInstallRefuses: what is wrong is refused, and the plugin that was there stays.
func TestInstallRefuses(t *testing.T) {
	r, wheels := release(t)
	in := installer(t)
	in.index = index(t, r, wheels)
	if _, err := in.Install(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(in.Dir, "cuda", contents), nil, 0o644); err != nil { // else nothing is fetched
		t.Fatal(err)
	}
	flipped := bytes.Clone(wheels[r.Wheels[1].File])
	flipped[len(flipped)/2] ^= 1
	outside, outsideBytes := wheelOf(t, "the-plugin", map[string]string{"../../escaped": "x", libraries["cuda"]: "x"})
	without, withoutBytes := wheelOf(t, "the-plugin", map[string]string{"README": "x"})
	for _, c := range []struct {
		name, want string
		r          Release
		wheels     map[string][]byte
	}{
		{"a changed byte", "SHA-256", r, map[string][]byte{r.Wheels[0].File: wheels[r.Wheels[0].File], r.Wheels[1].File: flipped}},
		{"a cut file", "SHA-256", r, map[string][]byte{r.Wheels[0].File: wheels[r.Wheels[0].File][:100]}},
		{"a file too long", "SHA-256", r, map[string][]byte{r.Wheels[0].File: append(bytes.Clone(wheels[r.Wheels[0].File]), 0)}},
		{"a missing file", "404", r, nil},
		{"a name outside", "leads out", Release{Platform: "cuda", Wheels: []Wheel{outside}}, map[string][]byte{outside.File: outsideBytes}},
		{"no library", "has no jax_plugins", Release{Platform: "cuda", Wheels: []Wheel{without}}, map[string][]byte{without.File: withoutBytes}},
	} {
		in.index = index(t, c.r, c.wheels)
		if _, err := in.Install(t.Context(), c.r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		expectTree(t, in, "a library")
	}
	in.From = filepath.Join(t.TempDir(), "absent")
	if _, err := in.Install(t.Context(), r); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("--from a path that is not there: %v", err)
	}
}

func TestFind(t *testing.T) {
	cache, dirs := t.TempDir(), t.TempDir()
	t.Setenv("HOME", cache)
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("LocalAppData", cache)
	t.Setenv(Variable, "")
	t.Setenv(DirVariable, "")
	var missing *MissingError
	if _, err := Find("cpu"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "drey xla install cpu") {
		t.Errorf("without a plugin: %v", err)
	}
	if _, _, err := Best(); !errors.As(err, &missing) {
		t.Errorf("without a plugin: %v", err)
	}
	if _, err := Find("gpu"); err == nil || errors.As(err, &missing) {
		t.Errorf("an unknown platform: %v", err)
	}
	put := func(path string) string {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	expect := func(want string) {
		t.Helper()
		if got, err := Find("cpu"); got != want || err != nil {
			t.Errorf("found %q, %v, want %q", got, err, want)
		}
	}
	dir, err := Dir()
	if err != nil {
		t.Fatal(err)
	}
	expect(put(installed(dir, "cpu")))
	if platform, _, err := best(gpu); platform != "cpu" || err != nil {
		t.Errorf("the best platform is %q, %v", platform, err)
	}
	put(installed(dir, "cuda"))
	if platform, _, err := best(gpu); platform != "cuda" || err != nil {
		t.Errorf("the best platform is %q, %v", platform, err)
	}
	put(filepath.Join(dirs, "pjrt_c_api_cpu_plugin.so"))
	t.Setenv(DirVariable, strings.Join([]string{cache, dirs}, string(os.PathListSeparator)))
	expect(filepath.Join(dirs, "pjrt_c_api_cpu_plugin.so"))
	own := put(filepath.Join(dirs, "own.so"))
	t.Setenv(Variable, own)
	expect(own)
	t.Setenv(Variable, own+".not")
	if _, err := Find("cpu"); err == nil || errors.As(err, &missing) {
		t.Errorf("%s names no file: %v", Variable, err)
	}
}

// TestReleases checks the table of what is pinned.
func TestReleases(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range releases {
		key := fmt.Sprint(r.Platform, " ", r.System, "/", r.Machine)
		if seen[key] || libraries[r.Platform] == "" || r.Terms == "" {
			t.Errorf("%s stands there twice, or for an unknown platform, or without terms", key)
		}
		seen[key] = true
		for _, w := range r.Wheels {
			machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[r.Machine]
			for _, tag := range w.tags() {
				if !strings.HasPrefix(tag, "manylinux") || !strings.HasSuffix(tag, machine) {
					t.Errorf("%s: %s is for %s", key, w.File, tag)
				}
			}
			name := strings.ReplaceAll(w.Project, "-", "_") + "-" + w.Version + "-"
			if sum, err := hex.DecodeString(w.SHA256); err != nil || len(sum) != sha256.Size || !strings.HasPrefix(w.File, name) || w.Size <= 0 {
				t.Errorf("%s: %+v", key, w)
			}
		}
	}
}
