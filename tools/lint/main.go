// Command lint is staticcheck with three analyzers of the Go team beside its own. It is a program of ours, and not staticcheck's,
// so that all of them share one pass over the types. Its settings are in staticcheck.conf at the top of the repository.
//
// It stands in a module of its own, so that what it needs is no dependency of the product.
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
