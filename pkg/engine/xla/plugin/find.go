// Package plugin finds and installs the PJRT plugins that engine/xla loads: shared libraries of OpenXLA that the Python
// package index has as wheels. No Python is needed to use them.
package plugin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	pathpkg "path"
	"path/filepath"
	"slices"
	"strings"
)

// Platforms are the platforms that plugins are known for, the fastest first.
var Platforms = []string{"tpu", "cuda", "cpu"}

// Variable names the environment variable with the path of a plugin, which goes before all others.
const Variable = "DREY_XLA_PLUGIN"

// DirVariable names the environment variable with directories of plugins called pjrt_c_api_PLATFORM_plugin.so, the name
// that other programs look for.
const DirVariable = "PJRT_PLUGIN_LIBRARY_PATH"

// MissingError says that there is no plugin for a platform.
type MissingError struct{ Platform string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("xla: no plugin for %s is installed: drey xla install %s fetches it, and %s=PATH names one that is there already", e.Platform, e.Platform, Variable)
}

// Dir is the directory that plugins are installed in: drey/xla in the user's cache directory.
func Dir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("xla: there is no place for plugins: %w; %s=PATH names a plugin", err, Variable)
	}
	return filepath.Join(dir, "drey", "xla"), nil
}

// Find returns the path of the plugin for a platform: that of Variable, one in the directories of DirVariable, or the
// installed one. Otherwise the error is a *MissingError, or says what is wrong with the variable.
func Find(platform string) (string, error) {
	if !slices.Contains(Platforms, platform) {
		return "", fmt.Errorf("xla: unknown platform %q (want %s)", platform, strings.Join(Platforms, ", "))
	}
	if path := os.Getenv(Variable); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("xla: %s: %w", Variable, err)
		}
		return path, nil
	}
	for _, dir := range filepath.SplitList(os.Getenv(DirVariable)) {
		found, err := filepath.Glob(filepath.Join(dir, "pjrt_c_api_"+platform+"*_plugin.so"))
		if err == nil && len(found) > 0 {
			return found[len(found)-1], nil // of several versions the last by name
		}
	}
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	path := installed(dir, platform)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", &MissingError{platform}
	} else if err != nil {
		return "", fmt.Errorf("xla: %w", err)
	}
	return path, nil
}

// Best returns the first of Platforms that has a plugin and a device here; a plugin that Variable names goes before all
// others, whatever it is for. A plugin is not asked for its devices: TPU's waits for one for minutes and may end the process.
func Best() (platform, path string, err error) { return best(os.DirFS("/")) }

func best(machine fs.FS) (platform, path string, err error) {
	for _, platform := range Platforms {
		if os.Getenv(Variable) == "" && !present(machine, platform) {
			continue
		}
		path, err := Find(platform)
		var missing *MissingError
		if !errors.As(err, &missing) {
			return platform, path, err
		}
	}
	return "", "", &MissingError{"cpu"}
}

// googleVendor and tpuDevices are how TPUs show on the PCI bus, generations 2 to 7. Source: JAX, jax/_src/hardware_utils.py.
const googleVendor = "0x1ae0"

var tpuDevices = []string{"0x0027", "0x005e", "0x0062", "0x0063", "0x006f", "0x0076"}

// present reports whether a machine, given as its file system, has a device of a platform.
func present(machine fs.FS, platform string) bool {
	switch platform {
	case "cuda":
		return matches(machine, "dev/nvidia[0-9]*") || matches(machine, "dev/dxg") // the second in WSL
	case "tpu":
		return matches(machine, "dev/accel[0-9]*") || hasTPU(machine)
	}
	return true
}

func matches(machine fs.FS, pattern string) bool {
	found, err := fs.Glob(machine, pattern)
	return err == nil && len(found) > 0
}

// hasTPU looks for TPUs that a driver of their own does not show, but VFIO.
func hasTPU(machine fs.FS) bool {
	vendors, err := fs.Glob(machine, "sys/bus/pci/devices/*/vendor")
	if err != nil {
		return false
	}
	for _, file := range vendors {
		vendor, err1 := fs.ReadFile(machine, file)
		device, err2 := fs.ReadFile(machine, pathpkg.Join(pathpkg.Dir(file), "device"))
		if err1 == nil && err2 == nil && strings.TrimSpace(string(vendor)) == googleVendor && slices.Contains(tpuDevices, strings.TrimSpace(string(device))) {
			return true
		}
	}
	return false
}

// installed is where Install puts the plugin of a platform.
func installed(dir, platform string) string {
	return filepath.Join(dir, platform, filepath.FromSlash(libraries[platform]))
}

// libraries are the paths of the plugins within their wheels, which are unpacked as they are: the CUDA plugin looks for
// NVIDIA's libraries at places relative to its own.
var libraries = map[string]string{
	"cpu":  "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
	"cuda": "jax_plugins/xla_cuda13/xla_cuda_plugin.so",
	"tpu":  "libtpu/libtpu.so",
}
