package action

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// read returns fields of the row of a job as JSON. The error is errGone if there is no such row.
func (a *Actor) read(ctx context.Context, who caller.Caller, run *job.Job, fields string) ([]byte, error) {
	table := a.cfg.Rules.Model.Table(run.Table)
	if table == nil {
		return nil, job.Permanent(fmt.Errorf("the model has no table %s any more", run.Table))
	}
	id, ok := value.ParseID(table, run.Row)
	if !ok {
		return nil, job.Permanent(fmt.Errorf("the job is about no row of %s", table.Name))
	}
	row, err := a.cfg.Rows.Get(ctx, who, table, id, record.Selection{Fields: fields}, nil)
	switch errs.KindOf(err) {
	case "":
		return row.JSON, nil
	case errs.NotFound:
		return nil, errGone
	case errs.Forbidden, errs.Unauthenticated, errs.Malformed:
		return nil, job.Permanent(fmt.Errorf("the row of %s: %w", table.Name, err))
	}
	return nil, err
}

// operation returns what a write did to the row of a job, or "".
func operation(run *job.Job) string {
	var args struct {
		Op string `json:"op"`
	}
	_ = json.Unmarshal(run.Args, &args) // another start has other arguments
	return args.Op
}

// data returns what a job sends, as JSON: fields of its row as its caller may read them, or arguments. The id of the row is
// always sent.
func (a *Actor) data(ctx context.Context, j *model.Job, run *job.Job, send []string) ([]byte, error) {
	if !j.AboutRow() {
		return pick(run.Args, send)
	}
	if len(send) == 0 || operation(run) == string(model.DeleteOperation) {
		return a.idOnly(run)
	}
	who, err := a.Caller(ctx, j, run)
	if err != nil {
		return nil, err
	}
	fields := "id"
	for _, field := range send {
		if field != "id" {
			fields += "," + field
		}
	}
	text, err := a.read(ctx, who, run, fields)
	if err != errGone {
		return text, err
	}
	// A row that the caller of the job may not read is a mistake of the model, and one that is gone is none.
	if _, err := a.read(ctx, caller.System("job "+j.Name), run, "id"); err != nil {
		return nil, err
	}
	return nil, job.Permanent(fmt.Errorf("the rules let %s read no such row of %s", who, run.Table))
}

func (a *Actor) idOnly(run *job.Job) ([]byte, error) {
	table := a.cfg.Rules.Model.Table(run.Table)
	if table == nil {
		return nil, job.Permanent(fmt.Errorf("the model has no table %s any more", run.Table))
	}
	id, ok := value.ParseID(table, run.Row)
	if !ok {
		return nil, job.Permanent(fmt.Errorf("the job is about no row of %s", table.Name))
	}
	return append(value.AppendMember([]byte(`{"id":`), table.ID(), id), '}'), nil
}

// pick returns some arguments of a job: all of them if none is named.
func pick(args []byte, names []string) ([]byte, error) {
	if len(args) == 0 {
		return []byte("{}"), nil
	}
	if len(names) == 0 {
		return args, nil
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(args, &members); err != nil {
		return nil, job.Permanent(err)
	}
	kept := map[string]json.RawMessage{}
	for _, name := range names {
		if member, ok := members[name]; ok {
			kept[name] = member
		}
	}
	return json.Marshal(kept)
}

// memberOf returns the text of a member at a path such as customer.email, "" if there is none.
func memberOf(text []byte, path string) (string, error) {
	for name := range strings.SplitSeq(path, ".") {
		members := map[string]json.RawMessage{}
		if len(text) == 0 || string(text) == "null" {
			return "", nil
		}
		if err := json.Unmarshal(text, &members); err != nil {
			return "", job.Permanent(err)
		}
		text = members[name]
	}
	if len(text) == 0 || string(text) == "null" {
		return "", nil
	}
	var out string
	if json.Unmarshal(text, &out) == nil {
		return out, nil
	}
	return string(text), nil // a number
}
