// Command measure counts how the Go code reads and compares the figures with bars: subordinate clauses in comments, one-letter
// names, uses between files in both directions, long sentences, functions and files.
//
//	measure [-packages] [-lint] [-clauses N] [folder ...]
//
// It reads every Go file under the current directory, or only under the given folders, with its tests and without. It exits
// with 1 when a figure of the whole misses its bar. With -lint it prints single places instead, and exits with 1 if there is
// one. With -clauses it lists the sentences with at least N clauses.
package main

import (
	"flag"
	"fmt"
	"go/token"
	"io"
	"os"
	"path"
	"strings"
)

func main() {
	packages := flag.Bool("packages", false, "show the figures of each package too")
	lint := flag.Bool("lint", false, "print places to mend, and no figures")
	clauses := flag.Int("clauses", 0, "list sentences with at least this many clauses")
	flag.Parse()
	fset := token.NewFileSet()
	pkgs, err := load(fset, ".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(2)
	}
	pkgs = within(pkgs, flag.Args())
	switch {
	case *lint:
		if printFaults(os.Stdout, fset, pkgs) {
			os.Exit(1)
		}
	case *clauses > 0:
		printSentences(os.Stdout, fset, pkgs, *clauses)
	default:
		if *packages {
			printPackages(os.Stdout, fset, pkgs)
		}
		if printTotal(os.Stdout, total(fset, pkgs, false), total(fset, pkgs, true)) {
			os.Exit(1)
		}
	}
}

// within returns the packages in the given folders and below them, or all of them.
func within(pkgs []*pkg, folders []string) []*pkg {
	if len(folders) == 0 {
		return pkgs
	}
	var some []*pkg
	for _, p := range pkgs {
		for _, folder := range folders {
			folder = path.Clean(folder)
			if p.dir == folder || strings.HasPrefix(p.dir, folder+"/") {
				some = append(some, p)
				break
			}
		}
	}
	return some
}

// printFaults prints the places that -lint finds, and tells whether there is one.
func printFaults(w io.Writer, fset *token.FileSet, pkgs []*pkg) (found bool) {
	for _, p := range pkgs {
		for _, f := range p.files {
			for _, fault := range faults(fset, f) {
				fmt.Fprintf(w, "%s: %s\n", fset.Position(fault.pos), fault.text)
				found = true
			}
		}
	}
	return found
}

// printSentences lists the sentences of comments with at least a number of clauses.
func printSentences(w io.Writer, fset *token.FileSet, pkgs []*pkg, least int) {
	for _, p := range pkgs {
		for _, f := range p.files {
			for _, group := range f.syntax.Comments {
				for _, s := range sentences(group) {
					if count := s.clauses(); count >= least {
						fmt.Fprintf(w, "%s: %d: %s\n", fset.Position(s.pos), count, strings.Join(s.words, " "))
					}
				}
			}
		}
	}
}
