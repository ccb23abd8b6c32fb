package deploytest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/cli"
)

// settings returns the help of ashlar serve.
func settings(t *testing.T) string {
	t.Helper()
	var help strings.Builder
	if code := cli.Run([]string{"serve", "--help"}, &help, &help); code != 0 {
		t.Fatalf("ashlar serve --help exits with %d", code)
	}
	return help.String()
}

// analyze returns the path of systemd-analyze.
func analyze(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("*** THE UNIT OF SYSTEMD IS NOT TESTED: install systemd")
	}
	return path
}

// instance writes the unit, changed by edit, as one of a folder, and returns its path.
func instance(t *testing.T, edit func(string) string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deploy, "systemd", "ashlar@.service"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ashlar@careers.service")
	if err := os.WriteFile(path, []byte(edit(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

// exposed returns how much systemd finds open in a unit, from 0 to 10.
func exposed(t *testing.T, path string) float64 {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), analyze(t), "security", "--offline=true", "--no-pager", path).CombinedOutput()
	found := exposure.FindSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	level, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return level
}

func TestUnitIsHardened(t *testing.T) {
	got := exposed(t, instance(t, func(unit string) string { return unit }))
	t.Logf("exposure %.1f", got)
	if got > 2 {
		t.Errorf("exposure %.1f, want at most 2.0", got)
	}
	weaker := exposed(t, instance(t, func(unit string) string {
		return strings.ReplaceAll(strings.ReplaceAll(unit, "CapabilityBoundingSet=\n", ""), "SystemCallFilter=", "# ")
	}))
	if weaker <= 2 {
		t.Errorf("exposure %.1f without the filters: the tool does not look at the unit", weaker)
	}
}

// systemd reads the units without a complaint, apart from a program that is not installed here.
func TestUnitsAreValid(t *testing.T) {
	valid := instance(t, func(unit string) string { return strings.Replace(unit, "/usr/local/bin/ashlar", "/bin/true", 1) })
	socket, err := os.ReadFile(filepath.Join(deploy, "systemd", "ashlar@.socket"))
	if err != nil {
		t.Fatal(err)
	}
	pair := filepath.Join(filepath.Dir(valid), "ashlar@careers.socket")
	if err := os.WriteFile(pair, socket, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze(t), "verify", "--man=no", valid, pair).CombinedOutput(); err != nil || strings.Contains(string(out), "ashlar@") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	bad := instance(t, func(unit string) string {
		return strings.Replace(strings.Replace(unit, "/usr/local/bin/ashlar", "/bin/true", 1), "WatchdogSec=", "WatchdogSeconds=", 1)
	})
	if out, _ := exec.CommandContext(t.Context(), analyze(t), "verify", "--man=no", bad).CombinedOutput(); !strings.Contains(string(out), "WatchdogSeconds") {
		t.Errorf("a misspelt setting goes unnoticed:\n%s", out)
	}
}

// The server does what the unit relies on.
func TestUnitHasWhatItNeeds(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(deploy, "systemd", "ashlar@.service"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for _, want := range []string{"Type=notify", "WatchdogSec=30", "User=ashlar", "StateDirectory=ashlar/%i", "EnvironmentFile=-/etc/ashlar/%i.env"} {
		if !slices.Contains(lines, want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
}

// writeFilter writes the system calls and the families of addresses that the unit allows, as a filter for a container. Without
// systemd-analyze, which knows what is in the sets, it allows all.
func writeFilter(t *testing.T) string {
	t.Helper()
	type arg struct {
		Index int    `json:"index"`
		Value int    `json:"value"`
		Op    string `json:"op"`
	}
	type rule struct {
		Names  []string `json:"names"`
		Action string   `json:"action"`
		Args   []arg    `json:"args,omitempty"`
	}
	filter := struct {
		Default  string `json:"defaultAction"`
		Syscalls []rule `json:"syscalls"`
	}{"SCMP_ACT_ERRNO", nil}
	allowed := allowedCalls(t)
	if allowed == nil {
		t.Log("*** THE FILTER OF THE UNIT IS NOT TESTED: install systemd")
		filter.Default = "SCMP_ACT_ALLOW"
	} else {
		filter.Syscalls = append(filter.Syscalls, rule{slices.DeleteFunc(allowed, func(call string) bool { return call == "socket" }), "SCMP_ACT_ALLOW", nil})
		for _, family := range []int{1, 2, 10} { // AF_UNIX, AF_INET, AF_INET6
			filter.Syscalls = append(filter.Syscalls, rule{[]string{"socket"}, "SCMP_ACT_ALLOW", []arg{{0, family, "SCMP_CMP_EQ"}}})
		}
	}
	text, err := json.Marshal(filter)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "calls.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// allowedCalls returns the system calls of the unit, nil without systemd-analyze.
func allowedCalls(t *testing.T) []string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(deploy, "systemd", "ashlar@.service"))
	if err != nil {
		t.Fatal(err)
	}
	var allowed, denied []string
	for _, line := range strings.Split(string(text), "\n") {
		sets, ok := strings.CutPrefix(line, "SystemCallFilter=")
		if !ok {
			continue
		}
		calls := &allowed
		if rest, isDenied := strings.CutPrefix(sets, "~"); isDenied {
			sets, calls = rest, &denied
		}
		for _, set := range strings.Fields(sets) {
			*calls = append(*calls, expand(t, path, set)...)
		}
	}
	allowed = slices.DeleteFunc(allowed, func(call string) bool { return slices.Contains(denied, call) })
	if len(allowed) < 100 || len(denied) < 20 {
		t.Fatalf("the unit allows %d calls and denies %d", len(allowed), len(denied))
	}
	slices.Sort(allowed)
	return slices.Compact(allowed)
}

// expand returns the calls of a set, which may have sets.
func expand(t *testing.T, path, set string) (calls []string) {
	t.Helper()
	if !strings.HasPrefix(set, "@") {
		return []string{set}
	}
	out, err := exec.CommandContext(t.Context(), path, "syscall-filter", "--no-pager", set).Output()
	if err != nil {
		t.Fatalf("systemd-analyze syscall-filter %s: %v", set, err)
	}
	for _, line := range strings.Split(string(out), "\n")[1:] { // the first is the name of the set
		if name := strings.TrimSpace(line); name != "" && !strings.HasPrefix(name, "#") {
			calls = append(calls, expand(t, path, name)...)
		}
	}
	return calls
}
