// Command mdlint checks the Markdown of the repository: lines of at most 100 columns, paragraphs of at most 100 words,
// sentences of at most 35 words. It prints its findings and exits with 1 if there are any.
//
// Without arguments it checks every Markdown file of the working tree, except for files ignored by git. It skips
// CHANGELOG.md and the results of the benchmarks.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	bad, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "mdlint:", err)
		os.Exit(2)
	}
	if bad {
		os.Exit(1)
	}
}

// run checks the named files, or all files without names, and prints the findings.
func run(names []string) (bad bool, err error) {
	if len(names) == 0 {
		if names, err = tracked(); err != nil {
			return false, err
		}
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return false, err
		}
		if exempt(name, text) {
			continue
		}
		for _, finding := range Check(string(text)) {
			fmt.Printf("%s:%d: %s\n", name, finding.Line, finding.Message)
			bad = true
		}
	}
	return bad, nil
}

// tracked lists the Markdown files of the working tree, except for files ignored by git.
func tracked() ([]string, error) {
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md").Output()
	if err != nil {
		return nil, fmt.Errorf("list the files with git, or name them: %w", err)
	}
	var names []string
	for _, name := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(name); err == nil { // git lists a deleted file until the deletion is staged
			names = append(names, name)
		}
	}
	return slices.Compact(names), nil // git lists a file in a merge conflict several times
}

// exempt returns true for files without limits: the changelog and the results of benchmarks.
func exempt(name string, text []byte) bool {
	head := text[:min(len(text), 200)]
	return filepath.Base(name) == "CHANGELOG.md" || bytes.Contains(head, []byte("\n\nWritten by `make bench"))
}
