package cli

import (
	"runtime/debug"
	"testing"
)

// A program that embeds Ashlar has two versions.
func TestVersionOfAProgram(t *testing.T) {
	own := debug.Module{Path: module, Version: "v1.2.3"}
	for _, tt := range []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"the command ashlar", debug.BuildInfo{Main: own}, "v1.2.3"},
		{"from the sources", debug.BuildInfo{Main: debug.Module{Path: module, Version: devel}}, "development build"},
		{"embedded", debug.BuildInfo{Main: debug.Module{Path: "example.com/members", Version: "v0.1.0"}, Deps: []*debug.Module{&own}}, "v1.2.3, in example.com/members v0.1.0"},
		{"embedded, from a folder",
			debug.BuildInfo{Main: debug.Module{Path: "example.com/members", Version: devel}, Deps: []*debug.Module{{Path: module, Version: "v0.0.0", Replace: &debug.Module{Path: "../ashlar"}}}},
			"development build, in example.com/members development build"},
		{"embedded, of a fork",
			debug.BuildInfo{Main: debug.Module{Path: "example.com/members", Version: "v0.1.0"}, Deps: []*debug.Module{{Path: module, Version: "v1.2.3", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.2.4"}}}},
			"v1.2.4 of example.com/fork, in example.com/members v0.1.0"},
	} {
		if got := versionOf(&tt.info); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
