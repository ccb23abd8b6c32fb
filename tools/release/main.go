// Command release builds the archives of a release from the commit that is checked out: for each platform a .tar.gz and an SBOM,
// and SHA256SUMS. The same commit and the same version of Go give the same bytes on any machine.
//
// With -compare it builds one platform twice, the second time in another folder, and compares all files. With -fresh the second
// build has an empty build cache, so each package is compiled again.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	out := flag.String("out", "dist", "`folder` for the files; it is made anew")
	platforms := flag.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "systems and processors, with commas")
	version := flag.String("version", "", "version of the release (default that of git describe)")
	compare := flag.String("compare", "", "`platform` to build twice and compare, instead of a release")
	fresh := flag.Bool("fresh", false, "compare with a build that has an empty build cache")
	goCommand := flag.String("go", "go", "the command of Go")
	flag.Parse()
	err := run(*out, *platforms, *compare, *version, *goCommand, *fresh)
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(out, platforms, compare, version, goCommand string, fresh bool) error {
	c, err := readCommit(version)
	if err != nil {
		return err
	}
	c.goCommand = goCommand
	if compare != "" {
		return c.compare(compare, out, fresh)
	}
	if err := c.build(out, strings.Split(platforms, ","), nil); err != nil {
		return err
	}
	return c.image(out, platforms)
}

// A commit is what a release is made of.
type commit struct {
	root      string // of the repository
	id        string
	version   string
	at        time.Time
	goCommand string
}

func readCommit(version string) (*commit, error) {
	root, err := git("", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	c := &commit{root: root, version: version}
	if c.id, err = git(root, "rev-parse", "HEAD"); err != nil {
		return nil, err
	}
	if c.version == "" {
		if c.version, err = git(root, "describe", "--tags", "--always"); err != nil {
			return nil, err
		}
	}
	seconds, err := git(root, "log", "-1", "--format=%ct")
	if err != nil {
		return nil, err
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the time of the commit is %q: %w", seconds, err)
	}
	c.at = time.Unix(at, 0).UTC()
	changed, err := git(root, "status", "--porcelain")
	if err == nil && changed != "" {
		fmt.Fprintf(os.Stderr, "release: building %s, without the changes that are not committed\n", c.version)
	}
	return c, err
}

func git(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, failed.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// compare builds a platform twice, the first time into a folder that stays. It returns an error if a file differs.
func (c *commit) compare(platform, first string, fresh bool) error {
	scratch, err := os.MkdirTemp("", "ashlar-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	second := filepath.Join(scratch, "second")
	if err := c.build(first, []string{platform}, nil); err != nil {
		return err
	}
	var env []string
	if fresh {
		env = append(env, "GOCACHE="+filepath.Join(scratch, "cache"))
	}
	if err := c.build(second, []string{platform}, env); err != nil {
		return err
	}
	entries, err := os.ReadDir(first)
	if err != nil {
		return err
	}
	var files []string
	for _, entry := range entries {
		one, err := os.ReadFile(filepath.Join(first, entry.Name()))
		if err != nil {
			return err
		}
		other, err := os.ReadFile(filepath.Join(second, entry.Name()))
		if err != nil {
			return err
		}
		if string(one) != string(other) {
			return fmt.Errorf("two builds of %s differ in %s (%d and %d bytes)", c.id, entry.Name(), len(one), len(other))
		}
		files = append(files, entry.Name())
	}
	if len(files) < 3 {
		return fmt.Errorf("there are only %d files to compare: %s", len(files), files)
	}
	fmt.Printf("two builds of %s with %s are equal: %s\n", c.id, runtime.Version(), strings.Join(files, ", "))
	return nil
}
