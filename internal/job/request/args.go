package request

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/input"
	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// args are the arguments of a request, checked as far as possible without the database.
type args struct {
	job    *model.Job
	values map[string]value.Value // by name; those with faults are missing
	faults []errs.Fault
}

// maxFaults bounds the faults of an answer.
const maxFaults = 100

func readArgs(j *model.Job, members []value.Member) *args {
	a := &args{job: j, values: map[string]value.Value{}}
	given := map[string]bool{}
	for _, member := range members {
		field := a.field(member.Name)
		if field == nil {
			a.fault(member.Name, "unknown", a.hint(member.Name))
			continue
		}
		given[field.Name] = true
		v, faults := value.ParseJSON(field, member.Raw, "/"+field.Name)
		a.faults = append(a.faults, faults...)
		switch {
		case len(faults) > 0:
		case !v.IsNull():
			a.values[field.Name] = v
		case !field.Optional:
			a.fault(field.Name, "required", "it cannot be missing")
		}
	}
	for _, field := range j.Args {
		if !field.Optional && !given[field.Name] {
			a.fault(field.Name, "required", "it cannot be missing")
		}
	}
	return a
}

func (a *args) field(name string) *model.Field {
	i := slices.IndexFunc(a.job.Args, func(f *model.Field) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return a.job.Args[i]
}

func (a *args) hint(name string) string {
	names := make([]string, len(a.job.Args))
	for i, field := range a.job.Args {
		if field.RefName == name {
			return "to refer to a row, give its id as " + field.Name
		}
		names[i] = field.Name
	}
	return "the job " + a.job.Name + " has no such argument" + suggest.DidYouMean(name, names)
}

func (a *args) fault(name, code, detail string) {
	a.faults = append(a.faults, errs.Fault{Pointer: input.Pointer(errs.Clip(name, 100)), Code: code, Detail: detail})
}

// err returns an error of kind errs.Invalid with the faults, or nil if there are none.
func (a *args) err() error {
	if len(a.faults) == 0 {
		return nil
	}
	e := errs.New(errs.Invalid, "the arguments have %s", input.Count(len(a.faults), "fault"))
	e.Faults = a.faults[:min(len(a.faults), maxFaults)]
	return e
}

// json returns the arguments as the job keeps them, or nil if there are none.
func (a *args) json() []byte {
	if len(a.values) == 0 {
		return nil
	}
	out := []byte{'{'}
	for _, field := range a.job.Args {
		v, ok := a.values[field.Name]
		if !ok {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), field.Name...), `":`...)
		out = value.AppendMember(out, field, v)
	}
	return append(out, '}')
}
