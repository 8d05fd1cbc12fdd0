package plugin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// Machines as their file systems show them.
var (
	bare = fstest.MapFS{"dev/null": {}, "dev/accel/accel0": {}, "sys/bus/pci/devices/0000:00:04.0/vendor": {Data: []byte("0x1ae0\n")}, "sys/bus/pci/devices/0000:00:04.0/device": {Data: []byte("0x0042\n")}} // Google's network, and another maker's accelerator
	gpu  = fstest.MapFS{"dev/nvidia0": {}, "dev/nvidiactl": {}}
	wsl  = fstest.MapFS{"dev/dxg": {}}
	tpu4 = fstest.MapFS{"dev/accel0": {}}
	tpu5 = fstest.MapFS{"dev/vfio/0": {}, "sys/bus/pci/devices/0000:00:05.0/vendor": {Data: []byte("0x1ae0\n")}, "sys/bus/pci/devices/0000:00:05.0/device": {Data: []byte("0x0063\n")}}
	both = fstest.MapFS{"dev/accel0": {}, "dev/nvidia0": {}}
)

// TestBest: of the plugins that are installed the fastest is taken that has a device, so that TPU's, which waits for one, is
// loaded nowhere else.
func TestBest(t *testing.T) {
	for _, c := range []struct {
		name      string
		machine   fstest.MapFS
		installed []string
		want      string // "" for none
	}{
		{"bare", bare, []string{"tpu", "cuda", "cpu"}, "cpu"}, {"gpu", gpu, []string{"tpu", "cuda", "cpu"}, "cuda"},
		{"wsl", wsl, []string{"cuda", "cpu"}, "cuda"}, {"tpu4", tpu4, []string{"tpu", "cuda", "cpu"}, "tpu"},
		{"tpu5", tpu5, []string{"tpu", "cpu"}, "tpu"}, {"both", both, []string{"cpu", "cuda"}, "cuda"},
		{"gpu without its plugin", gpu, []string{"tpu", "cpu"}, "cpu"}, {"bare with TPU's alone", bare, []string{"tpu"}, ""}, {"nothing", gpu, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(Variable, "")
			t.Setenv(DirVariable, plugins(t, c.installed))
			t.Setenv("XDG_CACHE_HOME", t.TempDir())
			platform, path, err := best(c.machine)
			var missing *MissingError
			if platform != c.want || c.want == "" && !errors.As(err, &missing) || c.want != "" && (err != nil || filepath.Base(path) != "pjrt_c_api_"+c.want+"_plugin.so") {
				t.Errorf("best gives %q, %q, %v, want %q", platform, path, err, c.want)
			}
		})
	}
}

// TestBestIsTheVariables: a plugin that the user names is not second-guessed.
func TestBestIsTheVariables(t *testing.T) {
	mine := filepath.Join(plugins(t, []string{"cpu"}), "pjrt_c_api_cpu_plugin.so")
	t.Setenv(Variable, mine)
	if _, path, err := best(bare); err != nil || path != mine {
		t.Errorf("best gives %q, %v, want %q", path, err, mine)
	}
}

// plugins returns a directory with an empty file for the plugin of each platform.
func plugins(t *testing.T, platforms []string) string {
	dir := t.TempDir()
	for _, p := range platforms {
		if err := os.WriteFile(filepath.Join(dir, "pjrt_c_api_"+p+"_plugin.so"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
