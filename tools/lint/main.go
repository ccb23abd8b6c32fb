// Command lint is staticcheck with three more analyzers, from the Go team. One program runs all of them, so they share one
// pass over the types. Its settings are in staticcheck.conf at the top of the repository.
//
// The tools have a module of their own, so their dependencies are no dependencies of the product.
package main

import (
	"os"

	"golang.org/x/tools/go/analysis/passes/nilness"
	"golang.org/x/tools/go/analysis/passes/reflectvaluecompare"
	"golang.org/x/tools/go/analysis/passes/unusedwrite"
	"honnef.co/go/tools/lintcmd"
	"honnef.co/go/tools/simple"
	"honnef.co/go/tools/staticcheck"
	"honnef.co/go/tools/stylecheck"
	"honnef.co/go/tools/unused"
)

func main() {
	cmd := lintcmd.NewCommand("lint")
	cmd.ParseFlags(os.Args[1:])
	cmd.AddAnalyzers(simple.Analyzers...)
	cmd.AddAnalyzers(staticcheck.Analyzers...)
	cmd.AddAnalyzers(stylecheck.Analyzers...)
	cmd.AddAnalyzers(unused.Analyzer)
	cmd.AddBareAnalyzers(nilness.Analyzer, reflectvaluecompare.Analyzer, unusedwrite.Analyzer)
	cmd.Run()
}
