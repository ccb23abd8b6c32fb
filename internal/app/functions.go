package app

import (
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job/action"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// CheckFunctions compares the functions that a program gives with the jobs of the model that call one. It returns model.Faults.
// nil stands for the command ashlar itself, which has no functions.
func (l *Loaded) CheckFunctions(functions map[string]action.Function) error {
	m := l.Rules.Model
	var faults model.Faults
	var called []string
	for _, j := range m.Jobs {
		if !j.Func {
			continue
		}
		called = append(called, j.Name)
		given, isGiven := functions[j.Name]
		switch {
		case functions == nil:
			faults = append(faults, m.Fault(j.Pos,
				"the job %s calls a Go function, and the command ashlar has none: serve this app with a program that embeds Ashlar, as docs/embedding.md shows, or use work: pull", j.Name))
		case !isGiven:
			faults = append(faults, m.Fault(j.Pos, "the job %s calls a Go function, and this program gives none of that name: add it to the functions, or use work: pull", j.Name))
		case given == nil:
			faults = append(faults, m.Fault(j.Pos, "the function that this program gives for the job %s is nil", j.Name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		if !slices.Contains(called, name) {
			faults = append(faults, unusedFunction(m, name, called))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return faults.Sort()
}

// unusedFunction returns the fault of a function without a job that calls it.
func unusedFunction(m *model.Model, name string, called []string) model.Fault {
	if i := slices.IndexFunc(m.Jobs, func(j *model.Job) bool { return j.Name == name }); i >= 0 {
		return m.Fault(m.Jobs[i].Pos, "this program gives a function for the job %s, which calls none: write work: go, or take the function away", name)
	}
	return m.Fault(model.Pos{File: model.MainFile, Line: 1, Col: 1},
		"this program gives a function %s, and the model has no job of that name with work: go%s", name, suggest.DidYouMean(name, called))
}

// ask answers a request of a function of the program.
func (a *App) ask(r *http.Request, who caller.Caller) (*http.Response, error) {
	inside := a.inside.Load()
	if inside == nil {
		return nil, errors.New("the app is not served yet")
	}
	return inside.Do(r, who)
}
