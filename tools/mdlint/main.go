// Command mdlint checks that the Markdown of the repository is easy to read: lines of at most 100 columns, paragraphs of at
// most 100 words, sentences of at most 35. It prints each place with what to do, and exits with 1 if there is any.
//
// Without arguments it checks every Markdown file that git tracks or would track. It leaves out CHANGELOG.md and the results
// that the benchmarks write.
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

// run checks the files and prints what it finds. Without names it checks all that git knows.
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
		for _, f := range Check(string(text)) {
			fmt.Printf("%s:%d: %s\n", name, f.Line, f.Message)
			bad = true
		}
	}
	return bad, nil
}

// tracked lists the Markdown files of the working tree, without those that git ignores.
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
	return slices.Compact(names), nil // a file in a merge conflict is listed for each side
}

// exempt tells whether a file is not held to the limits: the changelog, and what a benchmark has written.
func exempt(name string, text []byte) bool {
	head := text[:min(len(text), 200)]
	return filepath.Base(name) == "CHANGELOG.md" || bytes.Contains(head, []byte("\n\nWritten by `make bench"))
}
