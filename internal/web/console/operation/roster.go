package operation

import (
	"context"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// nodesPage lists the servers of the database.
type nodesPage struct {
	Members  []memberRow
	Trouble  string
	Builds   int // different ones of the nodes that are alive
	Models   int
	Stopping int
}

type memberRow struct{ fleet.Member }

// Word is the state of a node for people.
func (m memberRow) Word() string {
	if !m.Alive {
		return "lost"
	}
	return m.State
}

// Tag is the class of the state.
func (m memberRow) Tag() string {
	switch {
	case !m.Alive || m.State == fleet.NotReady:
		return "bad"
	case m.State == fleet.Ready:
		return "good"
	}
	return ""
}

func (p *pages) nodes(q *console.Request) error {
	var page nodesPage
	err := within(q, func(ctx context.Context) error {
		members, err := p.Roster.Members(ctx)
		builds, models := map[string]bool{}, map[string]bool{}
		for _, m := range members {
			page.Members = append(page.Members, memberRow{m})
			if !m.Alive {
				continue
			}
			builds[m.Build], models[m.Revision] = true, true
			if m.State == fleet.Stopping {
				page.Stopping++
			}
		}
		page.Builds, page.Models = len(builds), len(models)
		if err != nil {
			return errs.Wrapf(err, errs.Unavailable, "the database does not answer, so only this node is listed")
		}
		return nil
	})
	if page.Trouble, err = troubleOf(err); err != nil {
		return err
	}
	return show(q, http.StatusOK, "Nodes", "nodes.html", &page)
}
