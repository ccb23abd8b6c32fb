package mail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template/parse"
	"time"
)

// A JobMail is a mail of a job.
type JobMail struct {
	ID       string // of the job: every attempt has the same Message-ID, so that receivers can drop a repetition
	To       string // plain address: see CheckAddress
	Template string
	Data     []byte // JSON object: what the template shows, beside App and Public
}

// Send sends a mail. See IsPermanent for its errors.
func (m *Mailer) Send(ctx context.Context, mail JobMail) error {
	out, err := m.templates.renderJob(mail)
	if err != nil {
		return &permanentError{err}
	}
	return m.sender.send(ctx, out)
}

// renderJob returns the mail of a job.
func (t *Templates) renderJob(mail JobMail) (*outgoing, error) {
	templates, ok := t.byKind[mail.Template]
	if !ok || isKind(mail.Template) {
		return nil, fmt.Errorf("there is no mail template %q of a job", mail.Template)
	}
	decoder := json.NewDecoder(bytes.NewReader(mail.Data))
	decoder.UseNumber() // a large number must not become 1e+06
	shown := map[string]any{}
	if err := decoder.Decode(&shown); err != nil {
		return nil, err
	}
	shown["App"], shown["Public"] = t.app, t.public.String()
	subject, text, html, err := templates.pick("").render(shown)
	if err != nil {
		return nil, err
	}
	if subject = OneLine(subject, maxLine); subject == "" {
		return nil, errors.New("the mail has no subject: it is the first line of its template")
	}
	return &outgoing{id: mail.ID, from: t.from, to: mail.To, subject: subject, text: text, html: html, at: time.Now()}, nil
}

// A JobTemplate is a template that a job needs.
type JobTemplate struct {
	Name  string
	Shows []string // members of the data, such as id and customer
}

// missing returns what is wrong with the template of a job, or "": it must be there, and it may only name what the job sends.
func (r *templateReader) missing(folder string, wanted JobTemplate) string {
	templates, ok := r.byKind[wanted.Name]
	if !ok {
		return fmt.Sprintf("there is no mail template %s/%s.txt: write it, with the subject in its first line", strings.TrimSuffix(folder, "/"), wanted.Name)
	}
	known := append([]string{"App", "Public"}, wanted.Shows...)
	for _, p := range templates.all() {
		trees := []*parse.Tree{p.text.Tree}
		if p.html != nil {
			trees = append(trees, p.html.Tree)
		}
		for _, tree := range trees {
			for _, name := range namesOf(tree.Root) {
				if !slices.Contains(known, name) {
					return fmt.Sprintf("the mail template %s names %s, which the job does not send: add it to send; there are %s", tree.Name, name, strings.Join(known, ", "))
				}
			}
		}
	}
	return ""
}

// all returns the pairs of each language.
func (k kindTemplates) all() (all []*pair) {
	if k.usual != nil {
		all = append(all, k.usual)
	}
	for _, p := range k.byLanguage {
		all = append(all, p)
	}
	return all
}

// namesOf returns the members of the data that a template names. Inside of with and range the dot is another value.
func namesOf(node parse.Node) (names []string) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, one := range n.Nodes {
			names = append(names, namesOf(one)...)
		}
	case *parse.ActionNode:
		names = namesOf(n.Pipe)
	case *parse.PipeNode:
		if n == nil {
			return nil
		}
		for _, command := range n.Cmds {
			for _, arg := range command.Args {
				names = append(names, namesOf(arg)...)
			}
		}
	case *parse.FieldNode:
		names = n.Ident[:1]
	case *parse.ChainNode:
		names = namesOf(n.Node)
	case *parse.IfNode:
		names = slices.Concat(namesOf(n.Pipe), namesOf(n.List), namesOf(n.ElseList))
	case *parse.WithNode:
		names = slices.Concat(namesOf(n.Pipe), namesOf(n.ElseList))
	case *parse.RangeNode:
		names = slices.Concat(namesOf(n.Pipe), namesOf(n.ElseList))
	}
	return names
}
