package main

import (
	"go/ast"
	"go/types"
	"slices"
)

// arrows returns a matrix of the files of a package: 1 where the first uses something that the second declares.
func arrows(p *pkg, tests bool) [][]int {
	var files []*file
	for _, f := range p.files {
		if tests || !f.test {
			files = append(files, f)
		}
	}
	home := map[types.Object]int{}
	for i, f := range files {
		for id := range identifiers(f) {
			if p.Defs[id] != nil {
				home[p.Defs[id]] = i
			}
		}
	}
	uses := make([][]int, len(files))
	for i, f := range files {
		uses[i] = make([]int, len(files))
		for id := range identifiers(f) {
			if declared, ok := home[origin(p.Uses[id])]; ok && declared != i {
				uses[i][declared] = 1
			}
		}
	}
	return uses
}

func identifiers(f *file) func(yield func(*ast.Ident) bool) {
	return func(yield func(*ast.Ident) bool) {
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			if id, ok := node.(*ast.Ident); ok {
				yield(id)
			}
			return true
		})
	}
}

// origin returns the generic object of an instance.
func origin(object types.Object) types.Object {
	switch object := object.(type) {
	case *types.Func:
		return object.Origin()
	case *types.Var:
		return object.Origin()
	}
	return object
}

// countArrows returns the number of arrows, and of arrows between two files that use each other.
func countArrows(uses [][]int) (all, mutual int) {
	for i := range uses {
		for k := range uses {
			all += uses[i][k]
			mutual += uses[i][k] * uses[k][i]
		}
	}
	return all, mutual
}

// fewestBackward orders the files so that few arrows lead from a later file to an earlier one, and returns how many do. From
// several orders it moves single files until no move helps. The result is an upper bound, close to the least.
func fewestBackward(uses [][]int) int {
	fewest := -1
	for start := range 2 * len(uses) {
		order := make([]int, len(uses))
		for i := range order {
			order[i] = (i + start) % len(uses)
		}
		if start%2 == 1 {
			slices.Reverse(order)
		}
		improve(uses, order)
		if count := backward(uses, order); fewest < 0 || count < fewest {
			fewest = count
		}
	}
	return max(fewest, 0)
}

// backward counts the arrows from a later file to an earlier one.
func backward(uses [][]int, order []int) int {
	count := 0
	for i, later := range order {
		for _, earlier := range order[:i] {
			count += uses[later][earlier]
		}
	}
	return count
}

// improve moves single files until no such move reduces the backward arrows.
func improve(uses [][]int, order []int) {
	for moved := true; moved; {
		moved = false
		for from, file := range order {
			to, best := from, 0
			for _, step := range []int{1, -1} {
				change := 0
				for at := from + step; at >= 0 && at < len(order); at += step { // file passes order[at]
					change += step * (uses[file][order[at]] - uses[order[at]][file])
					if change < best {
						to, best = at, change
					}
				}
			}
			if to != from {
				order = slices.Insert(slices.Delete(order, from, from+1), to, file)
				moved = true
				break
			}
		}
	}
}
