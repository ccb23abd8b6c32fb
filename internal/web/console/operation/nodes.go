package operation

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
)

// several reports whether pages are about more than this node.
func (p *pages) several() bool { return p.Nodes != nil && p.Nodes.Several() }

// The parameter by which a page with charts is about this node alone.
const (
	nodesParameter = "nodes"
	ownNode        = "own"
)

// scope is whose numbers the charts show.
type scope struct {
	all     bool
	Choices []choice // none if there is one node
}

// scopeOf returns the scope that an address asks for.
func (p *pages) scopeOf(values url.Values) (s scope) {
	if !p.several() {
		return s
	}
	s.all = values.Get(nodesParameter) != ownNode
	all, own := url.Values{}, url.Values{nodesParameter: {ownNode}}
	if word := values.Get("range"); word != "" {
		all.Set("range", word)
		own.Set("range", word)
	}
	s.Choices = []choice{{"All nodes", addressOf(homePath, all), s.all}, {"This node", addressOf(homePath, own), !s.all}}
	return s
}

// values returns the parameters of a page of that scope.
func (s *scope) values(word string) url.Values {
	values := url.Values{"range": {word}}
	if len(s.Choices) > 0 && !s.all {
		values.Set(nodesParameter, ownNode)
	}
	return values
}

// series returns the function that reads the lines of charts.
func (p *pages) series(s *scope) func(ctx context.Context, from, to time.Time, step time.Duration, names ...string) ([]archive.Line, error) {
	if s.all {
		return p.Nodes.Series
	}
	return p.History.Series
}

// allNodes returns the nodes, or none if there is one.
func (p *pages) allNodes() []fleet.Node {
	if !p.several() {
		return nil
	}
	return p.Nodes.Nodes()
}

// elsewhere names the nodes whose records a page does not show, or returns "".
func (p *pages) elsewhere() string {
	var names []string
	for _, node := range p.allNodes() {
		if !node.Own {
			names = append(names, node.Name)
		}
	}
	return strings.Join(names, ", ")
}

// lookElsewhere adds to the error about a missing record that another node may have it.
func (p *pages) lookElsewhere(err error) error {
	if names := p.elsewhere(); names != "" && errs.KindOf(err) == errs.NotFound {
		return errs.Wrapf(err, errs.NotFound, "this node does not have it. Each node keeps its own records and traces, so look at the console of %s", names)
	}
	return err
}
