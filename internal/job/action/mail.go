package action

import (
	"context"
	"errors"
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// mail sends a mail about the row of a job, or with its arguments. Each attempt has the same Message-ID.
func (a *Actor) mail(ctx context.Context, j *model.Job, run *job.Job) error {
	to, err := a.address(ctx, j, run)
	if err == nil && to == "" {
		run.SetResult([]byte(`{"sent":false,"why":"there is no address"}`))
		return nil
	}
	var data []byte
	if err == nil {
		data, err = a.data(ctx, j, run, j.Mail.Send)
	}
	if errors.Is(err, errGone) {
		run.SetResult([]byte(`{"sent":false,"why":"the row is gone"}`))
		return nil
	}
	if err != nil {
		return err
	}
	err = a.cfg.Mailer.Send(ctx, mail.JobMail{ID: run.ID, To: to, Template: j.Mail.Template, Data: data})
	if mail.IsPermanent(err) {
		return job.Permanent(err)
	}
	return err
}

// address returns to whom a job writes, "" if the path leads to no value. A deleted row leads nowhere.
func (a *Actor) address(ctx context.Context, j *model.Job, run *job.Job) (string, error) {
	if j.Mail.To == nil {
		return j.Mail.Address, nil
	}
	table := a.cfg.Rules.Model.Table(run.Table)
	column := a.cfg.Rules.Job(j).To[table]
	if column == nil {
		return "", job.Permanent(fmt.Errorf("the model has no address for rows of %s any more", run.Table))
	}
	path := pathOf(column)
	text, err := a.read(ctx, caller.System("job "+j.Name), run, path)
	if err != nil {
		return "", err
	}
	return memberOf(text, path)
}

// pathOf returns the path to a column, as the parameter fields takes it.
func pathOf(column *rule.Column) (path string) {
	for _, step := range column.Path.Steps {
		path += step.Name + "."
	}
	return path + column.Field.Name
}
