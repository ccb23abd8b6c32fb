package profile

import (
	"cmp"
	"slices"
	"strings"
	"time"

	pprof "github.com/google/pprof/profile"
)

// leastShare is the share of the whole below which the frames of a function are left out. Nobody sees them in a drawing.
const leastShare = 0.001

// node is a frame while a tree grows.
type node struct {
	cpu      float64
	children map[string]*node
}

func (n *node) child(name string) *node {
	if found := n.children[name]; found != nil {
		return found
	}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	added := &node{}
	n.children[strings.Clone(name)] = added
	return added
}

// add adds the samples of a profile that match filter, multiplied with by.
func (n *node) add(p *pprof.Profile, filter Filter, by float64) {
	for _, s := range p.Sample {
		if !filter.matches(labelsOf(s)) {
			continue
		}
		cpu, at := float64(timeOf(s))*by, n
		at.cpu += cpu
		for _, location := range slices.Backward(s.Location) { // the leaf is the first
			for _, line := range slices.Backward(location.Line) {
				if line.Function != nil {
					at = at.child(line.Function.Name)
					at.cpu += cpu
				}
			}
		}
	}
}

// frame returns the tree without what is below least.
func (n *node) frame(name string, least float64) *Frame {
	f := &Frame{Name: name, CPU: time.Duration(n.cpu)}
	for name, child := range n.children {
		if child.cpu >= least {
			f.Children = append(f.Children, child.frame(name, least))
		}
	}
	slices.SortFunc(f.Children, func(a, b *Frame) int {
		return cmp.Or(cmp.Compare(b.CPU, a.CPU), strings.Compare(a.Name, b.Name))
	})
	return f
}
