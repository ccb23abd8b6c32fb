package main

import (
	"fmt"
	"go/token"
	"io"
	"text/tabwriter"
)

// A figure is one line of the report. bar is the value that it has to stay below, or 0 for a figure without one.
type figure struct {
	name    string
	format  string
	bar     float64
	tests   bool // the bar holds for the code with its tests too
	measure func(counts) float64
}

func (f figure) misses(sum counts) bool { return f.bar > 0 && f.measure(sum) >= f.bar }

// figures are the report, in its order.
var figures = [...]figure{
	{"clauses per comment sentence", "%.2f", 0.45, true, func(sum counts) float64 { return ratio(sum.clauses, sum.sentences) }},
	{`"those that", "that of", "of those", "those of"`, "%.0f", 20, true, func(sum counts) float64 { return float64(sum.thoseOf) }},
	{"one-letter names, of all declared but receivers", "%.1f %%", 15, false, func(sum counts) float64 { return 100 * ratio(sum.shortNames, sum.names) }},
	{"one-letter identifiers, of all in the code", "%.1f %%", 0, false, func(sum counts) float64 { return 100 * ratio(sum.shortUses, sum.identifiers) }},
	{"uses between files that use each other", "%.1f %%", 20, false, func(sum counts) float64 { return 100 * ratio(sum.mutual, sum.arrows) }},
	{"uses between files against their best order", "%.1f %%", 0, false, func(sum counts) float64 { return 100 * ratio(sum.backward, sum.arrows) }},
	{"comments behind code, per 1000 lines", "%.1f", 0, false, func(sum counts) float64 { return 1000 * ratio(sum.trailing, sum.lines) }},
	{"comment sentences over 35 words", "%.0f", 0, false, func(sum counts) float64 { return float64(sum.long) }},
	{"|| with && and no parentheses, of all ||", "%.1f %%", 0, false, func(sum counts) float64 { return 100 * ratio(sum.mixed, sum.ors) }},
	{"functions over 45 lines", "%.0f", 0, false, func(sum counts) float64 { return float64(sum.longFunctions) }},
	{"files over 450 lines", "%.0f", 0, false, func(sum counts) float64 { return float64(sum.longFiles) }},
	{"lines", "%.0f", 0, false, func(sum counts) float64 { return float64(sum.lines) }},
	{"functions", "%.0f", 0, false, func(sum counts) float64 { return float64(sum.functions) }},
	{"comment sentences", "%.0f", 0, false, func(sum counts) float64 { return float64(sum.sentences) }},
}

func ratio(part, whole int) float64 { return float64(part) / float64(max(whole, 1)) }

// printTotal prints the figures of the whole beside their bars, and tells whether one misses its bar.
func printTotal(w io.Writer, product, all counts) (missed bool) {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "\twithout tests\twith tests\tbar")
	for _, f := range figures {
		bar, note := "", ""
		if f.bar > 0 {
			bar = "< " + fmt.Sprintf(f.format, f.bar)
		}
		if f.misses(product) || (f.tests && f.misses(all)) {
			missed, note = true, "   missed"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s%s\n", f.name, fmt.Sprintf(f.format, f.measure(product)), fmt.Sprintf(f.format, f.measure(all)), bar, note)
	}
	table.Flush()
	return missed
}

// printPackages prints a line for each package, with an asterisk behind a figure that would miss the bar of the whole.
func printPackages(w io.Writer, fset *token.FileSet, pkgs []*pkg) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "clauses\tthose of\tshort names\tmutual\tagainst\ttrailing\tlong\tmixed\tfunctions\tfiles\tlines\tfunctions\tsentences\t  package")
	for _, p := range pkgs {
		sum := count(fset, p, true)
		for _, f := range figures {
			if f.name == figures[3].name {
				continue
			}
			mark := " "
			if f.misses(sum) {
				mark = "*"
			}
			fmt.Fprintf(table, "%s%s\t", fmt.Sprintf(f.format, f.measure(sum)), mark)
		}
		fmt.Fprintf(table, "  %s\n", p.dir)
	}
	table.Flush()
	fmt.Fprintln(w)
}
