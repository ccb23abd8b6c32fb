package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

func source(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"bin/ashlar", "LICENSE", "README.md", "CHANGELOG.md", "deploy/systemd/b.service", "deploy/systemd/a.socket"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("content of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestArchivesHoldNothingOfTheMachine(t *testing.T) {
	c := &commit{at: time.Unix(1_780_000_000, 0)}
	var packed [2][]byte
	for i := range packed {
		folder := source(t)
		var err error
		if packed[i], err = c.pack(folder, filepath.Join(folder, "bin/ashlar"), "ashlar_v1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // the files have other times
	}
	if !bytes.Equal(packed[0], packed[1]) {
		t.Error("two archives of the same files differ")
	}
	got, err := unpack(packed[0], "ashlar_v1/deploy/systemd/a.socket")
	if err != nil || string(got) != "content of deploy/systemd/a.socket" {
		t.Errorf("unpack = %q, %v", got, err)
	}
	if _, err := unpack(packed[0], "ashlar_v1/none"); err == nil {
		t.Error("unpack found a file that is not there")
	}
	c.at = c.at.Add(time.Second)
	folder := source(t)
	if other, err := c.pack(folder, filepath.Join(folder, "bin/ashlar"), "ashlar_v1"); err != nil || bytes.Equal(other, packed[0]) {
		t.Errorf("the archive does not have the time of the commit: %v", err)
	}
}

func TestBillListsTheLinkedModules(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "github.com/ashlar-dev/ashlar"}, Deps: []*debug.Module{
		{Path: "github.com/BurntSushi/toml", Version: "v1.4.1", Sum: "h1:abc="},
		{Path: "example.com/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/new", Version: "v2.0.0+incompatible"}},
	}}
	c := &commit{version: "v1.2.3", id: "0123", at: time.Unix(1_780_000_000, 0).UTC()}
	pages, err := vendored("../..")
	if err != nil || len(pages) != 2 {
		t.Fatalf("vendored = %+v, %v", pages, err)
	}
	pages = pages[:1]
	pages[0].PURL = "pkg:npm/page"
	text, err := c.billOf(info, pages, sha256.Sum256([]byte("binary")))
	if err != nil {
		t.Fatal(err)
	}
	var got bom
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	var refs []string
	for _, one := range got.Components {
		refs = append(refs, one.PURL)
	}
	want := "pkg:golang/std@1.26.8 pkg:npm/page pkg:golang/github.com/burntsushi/toml@v1.4.1 pkg:golang/example.com/new@v2.0.0%2Bincompatible"
	if strings.Join(refs, " ") != want || len(got.Dependencies[0].DependsOn) != 4 {
		t.Errorf("components %v, want %s", refs, want)
	}
	again, err := c.billOf(info, pages, sha256.Sum256([]byte("binary")))
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("two bills of one binary differ: %v", err)
	}
	if other := serial(sha256.Sum256([]byte("another"))); other == got.SerialNumber || len(other) != len("urn:uuid:")+36 {
		t.Errorf("serials %s and %s", got.SerialNumber, other)
	}
}

func TestSums(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "a"), []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeSums(folder); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	if want := "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7  a\n"; err != nil || string(got) != want {
		t.Errorf("SHA256SUMS = %q, %v, want %q", got, err, want)
	}
}
