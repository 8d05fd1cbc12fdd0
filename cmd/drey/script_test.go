package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drey-sampler/drey/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"drey": func() { os.Exit(cli.Main(program(), os.Args[1:])) },
	})
}

// TestScripts runs the scripts in testdata/script: what people type, what they get.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DREY_SOURCES", root)
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS"} {
				if v := goEnv(name); v != "" {
					e.Setenv(name, v)
				}
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"jsonkeys": jsonKeys, "jsonis": jsonIs, "status": status, "await": await, "lines": lines, "beginning": beginning,
		},
	})
}

// goEnv returns a setting of the go command that a script's empty home directory would change.
func goEnv(name string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	switch name {
	case "GOCACHE":
		dir, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		return filepath.Join(dir, "go-build")
	case "GOPATH":
		return filepath.Join(home, "go")
	}
	return ""
}

// jsonKeys FILE KEY…: FILE is one JSON object with these keys in this order and no others.
func jsonKeys(ts *testscript.TestScript, _ bool, args []string) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var got []string
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		ts.Fatalf("%s is no JSON object: %v", args[0], err)
	}
	for d.More() {
		token, err := d.Token()
		ts.Check(err)
		got = append(got, fmt.Sprint(token))
		var value json.RawMessage
		ts.Check(d.Decode(&value))
	}
	_, err := d.Token()
	ts.Check(err)
	if d.More() {
		ts.Fatalf("%s goes on after the object", args[0])
	}
	if want := args[1:]; strings.Join(got, " ") != strings.Join(want, " ") {
		ts.Fatalf("keys %v, want %v", got, want)
	}
}

// jsonIs FILE PATH VALUE: the element of FILE at the path, keys separated by /, is VALUE as JSON.
func jsonIs(ts *testscript.TestScript, neg bool, args []string) {
	var value any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	d.UseNumber()
	ts.Check(d.Decode(&value))
	for _, key := range strings.Split(args[1], "/") {
		object, ok := value.(map[string]any)
		if !ok {
			ts.Fatalf("%s: no object holds %s", args[1], key)
		}
		if value, ok = object[key]; !ok {
			ts.Fatalf("%s: no key %s", args[1], key)
		}
	}
	text, err := json.Marshal(value)
	ts.Check(err)
	if (string(text) == args[2]) == neg {
		ts.Fatalf("%s is %s", args[1], text)
	}
}

// status N COMMAND…: the command ends with exit status N.
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%s ends with %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// await FILE TEXT: waits until the file is there and contains the text.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && bytes.Contains(text, []byte(args[1])) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s has not appeared in %s", args[1], args[0])
		}
	}
}

// lines FILE N: FILE has N lines.
func lines(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if n := bytes.Count([]byte(text), []byte("\n")); fmt.Sprint(n) != args[1] {
		ts.Fatalf("%s has %d lines, want %s", args[0], n, args[1])
	}
}

// beginning A B: B begins with A.
func beginning(ts *testscript.TestScript, _ bool, args []string) {
	if !strings.HasPrefix(ts.ReadFile(args[1]), ts.ReadFile(args[0])) {
		ts.Fatalf("%s does not begin with %s", args[1], args[0])
	}
}
