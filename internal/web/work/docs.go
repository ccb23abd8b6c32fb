package work

import (
	"net/http"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// tag is the group of the operations in the OpenAPI document.
var tag = web.Tag{Name: "jobs", About: "Start jobs, ask how far they have come, and work on them."}

func object(members ...web.Member) *web.Body {
	return &web.Body{Types: []string{"application/json"}, Members: members}
}

func optional(m web.Member) web.Member {
	m.Optional = true
	return m
}

func text(name, about string) web.Member {
	return web.Member{Name: name, Type: web.TextMember, About: about}
}

var (
	leaseMember = text("lease", "The text that came with the job. It proves that the worker still has it.")
	idMember    = text("id", "Of the job.")
	stateMember = text("state", "scheduled, waiting, running, done, dead or cancelled.")
)

// startDoc describes the operation that starts a job, with its arguments.
func startDoc(j *model.Job) *web.Doc {
	doc := &web.Doc{
		ID: "start" + pascal(j.Name), Tag: tag, Summary: "Start the job " + j.Name, About: "It is stored with the answer, and runs later.",
		Body:     object(),
		Answers:  []web.Answer{{Status: http.StatusAccepted, About: "The job is stored. If there was the same one already, this is that one.", Members: []web.Member{idMember, stateMember}}},
		Problems: []errs.Kind{errs.Malformed, errs.Forbidden, errs.Conflict, errs.TooLarge, errs.Unsupported, errs.Invalid},
	}
	if j.Enqueue.Text == "true" {
		doc.Access = web.Public
	}
	for _, field := range j.Args {
		doc.Body.Members = append(doc.Body.Members, web.Member{Name: field.Name, Type: web.FieldMember, Field: field, About: field.Doc, Optional: field.Optional})
	}
	doc.Body.Members = append(doc.Body.Members, optional(web.Member{Name: "run_at", Type: web.TimeMember, About: "When the job runs. Without it, or if it has passed: at once."}))
	return doc
}

// pascal joins the words of a name: clean_up becomes CleanUp.
func pascal(name string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		if word != "" {
			out.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return out.String()
}

func getDoc() *web.Doc {
	return &web.Doc{
		ID: "getJob", Tag: tag, Summary: "Get a job", About: "One that the caller has started.",
		Answers: []web.Answer{{Status: http.StatusOK, About: "How far the job has come.", Members: []web.Member{
			idMember, text("name", ""), stateMember, {Name: "attempt", Type: web.IntMember, About: "How many attempts have begun."},
			{Name: "tries", Type: web.IntMember, About: "How many attempts it may have."}, {Name: "created_at", Type: web.TimeMember}, {Name: "run_at", Type: web.TimeMember},
			optional(web.Member{Name: "finished_at", Type: web.AnyMember, About: "When it ended, or null."}),
			optional(web.Member{Name: "result", Type: web.AnyMember, About: "What a worker gave, or null."}),
		}}},
		Problems: []errs.Kind{errs.NotFound},
	}
}

func leaseDoc() *web.Doc {
	return &web.Doc{
		ID: "leaseJobs", Tag: tag, Summary: "Lease jobs", About: "For the key of a service account whose scopes name the jobs. " +
			"A lease ends after 15 seconds, unless it is extended; another worker may then have the job.",
		Body: object(web.Member{Name: "names", Type: web.TextsMember, About: "The jobs that the worker can do."},
			optional(web.Member{Name: "max", Type: web.IntMember, About: "How many jobs at most, 1 to 100. Default: 1."}),
			optional(web.Member{Name: "wait", Type: web.IntMember, About: "For how many seconds the answer waits for a job, 0 to 30. Default: 0."})),
		Answers: []web.Answer{{Status: http.StatusOK, About: "The jobs, none if there are none.", Members: []web.Member{{Name: "items", Type: web.ObjectsMember, Members: []web.Member{
			idMember, text("name", ""), {Name: "args", Type: web.AnyMember}, optional(text("table", "Of the row that the job is about.")), optional(text("row", "Its id.")),
			{Name: "attempt", Type: web.IntMember, About: "Counts from 1."}, {Name: "tries", Type: web.IntMember}, leaseMember,
			{Name: "lease_until", Type: web.TimeMember}, optional(text("traceparent", "Of the request that started the job.")),
		}}}}},
		Problems: []errs.Kind{errs.Malformed, errs.Forbidden, errs.Unsupported, errs.Invalid},
	}
}

func settleDoc(id, summary, about, verb string, answers []web.Answer, members ...web.Member) *web.Doc {
	return &web.Doc{
		ID: id, Path: verbPath(verb), Tag: tag, Summary: summary, About: about, Body: object(append([]web.Member{leaseMember}, members...)...), Answers: answers,
		Problems: []errs.Kind{errs.Malformed, errs.Forbidden, errs.NotFound, errs.Conflict, errs.TooLarge, errs.Unsupported, errs.Invalid},
	}
}

func settled() []web.Answer { return []web.Answer{{Status: http.StatusNoContent, About: "Noted."}} }

func doneDoc() *web.Doc {
	return settleDoc("endJob", "End a leased job", "A lease that is over is a 409: another worker has the job.", doneVerb, settled(),
		optional(web.Member{Name: "result", Type: web.AnyMember, About: "For the caller who started the job, at most 64 kB."}))
}

func failDoc() *web.Doc {
	return settleDoc("failJob", "Say that an attempt has failed", "The job is tried again later, unless it was the last attempt.", failVerb, settled(),
		text("error", "What went wrong, for the operators."),
		optional(web.Member{Name: "retry_after", Type: web.IntMember, About: "Seconds until the next attempt."}),
		optional(web.Member{Name: "permanent", Type: web.BoolMember, About: "Whether another attempt would end alike: the job is dead then."}))
}

func extendDoc() *web.Doc {
	return settleDoc("extendJob", "Extend a lease", "By 15 seconds from now, but not past at_most of the job.", extendVerb,
		[]web.Answer{{Status: http.StatusOK, About: "The new end.", Members: []web.Member{{Name: "lease_until", Type: web.TimeMember}}}})
}

func releaseDoc() *web.Doc {
	return settleDoc("releaseJob", "Give a leased job back", "The attempt does not count.", releaseVerb, settled())
}
