package record

import "sync/atomic"

// A form is the JSON of a kept answer in a content coding. It is made when the first client asks for it, so an answer that
// nobody asks for again costs nothing more.
type form struct {
	coding string
	body   []byte
	next   *form // in another coding
}

// forms are the forms of one answer. The zero value is ready.
type forms struct{ first atomic.Pointer[form] }

func (f *forms) in(coding string) *form {
	for known := f.first.Load(); known != nil; known = known.next {
		if known.coding == coding {
			return known
		}
	}
	return nil
}

// add adds a form, unless another request was faster, and returns the one that is kept.
func (f *forms) add(made *form) *form {
	for {
		made.next = f.first.Load()
		if known := f.in(made.coding); known != nil {
			return known
		}
		if f.first.CompareAndSwap(made.next, made) {
			return made
		}
	}
}

// size returns the size of all forms, in bytes.
func (f *forms) size() (bytes int) {
	for known := f.first.Load(); known != nil; known = known.next {
		bytes += len(known.body)
	}
	return bytes
}

// Coded returns the JSON in a content coding. It is kept beside the JSON, and nobody may change it. Coded returns nil if the
// answer is not kept, or is so large that its forms would take more than its share of the cache. It may be called until Done.
func (a *Answer) Coded(coding string, encode func(coding string, json []byte) ([]byte, error)) ([]byte, error) {
	if a.kept == nil {
		return nil, nil
	}
	if known := a.kept.forms.in(coding); known != nil {
		return known.body, nil
	}
	if !a.page.req.db.kept.Fits(a.page.answerKey.key, a.kept.size()+len(a.JSON)) {
		return nil, nil
	}
	body, err := encode(coding, a.JSON)
	if err != nil {
		return nil, err
	}
	made := a.kept.forms.add(&form{coding: coding, body: body})
	a.page.req.db.kept.Grew(a.page.answerKey.key, a.kept)
	return made.body, nil
}
