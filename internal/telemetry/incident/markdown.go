package incident

// Markdown returns the incident as a page for a post-mortem.
func (r *Report) Markdown() []byte { return []byte("# " + r.Incident.Title + "\n") }
