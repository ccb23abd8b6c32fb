package record

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/pieces"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// An Answer is the answer to a list.
type Answer struct {
	Begun  *pieces.Text  // the beginning of a long answer that is not shared; nil: JSON is all
	JSON   []byte        // {"items":[…],"next":…,"total":…}, or the end of it
	Tag    Tag           // of all JSON
	Shared bool          // other requests have the same JSON, so nobody may change it
	Public time.Duration // how long anybody may keep the answer; 0: nobody may

	page *page
	kept *kept // nil: the answer is not kept
}

// Len returns the size of all JSON.
func (a *Answer) Len() int { return a.Begun.Len() + len(a.JSON) }

// A Tag names the JSON of an answer: equal tags, equal bytes. All servers with one key of tags give the same tag.
type Tag [16]byte

// String returns the tag in hexadecimal digits.
func (t Tag) String() string { return hex.EncodeToString(t[:]) }

// A tagger makes tags. It is safe for concurrent use.
type tagger struct {
	block   cipher.Block
	mac     cipher.AEAD
	ofJSON  []byte // nonce
	ofPiece []byte // nonce
}

// newTagger returns a tagger with a key of 16 bytes. Without a key, it makes a random one.
//
// A client who may write rows must not be able to make two answers with one tag, so the tag needs a secret or a slow hash.
// GMAC needs 0.8 µs for an answer of 6 kB, and SHA-256 9.5 µs, a tenth of the read. GMAC is used without nonces here, which
// is safe only because nobody sees its result: the tag is the result encrypted once more.
func newTagger(key []byte) *tagger {
	if len(key) == 0 {
		key = make([]byte, 16)
		_, _ = rand.Read(key) // never fails
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // a key of another size is our own mistake
	}
	mac, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has blocks of the right size
	}
	return &tagger{block, mac, make([]byte, mac.NonceSize()), append([]byte{1}, make([]byte, mac.NonceSize()-1)...)}
}

// tag returns the tag of JSON that may begin in pieces. Of a long text it is the tag of the tags of its pieces, since nothing
// interrupts GMAC. It is the same if the text is in one slice.
func (t *tagger) tag(begun *pieces.Text, json []byte) (tag Tag) {
	if size := begun.Len() + len(json); size > pieces.Size {
		sums := make([]byte, 0, (size/pieces.Size+1)*len(tag))
		for piece := range begun.Pieces() {
			sums = t.mac.Seal(sums, t.ofPiece, nil, piece)
		}
		for piece := range slices.Chunk(json, pieces.Size) {
			sums = t.mac.Seal(sums, t.ofPiece, nil, piece)
		}
		json = sums
	}
	t.mac.Seal(tag[:0], t.ofJSON, nil, json)
	t.block.Encrypt(tag[:], tag[:])
	return tag
}

// answerKey is what the answer of a page is kept under.
type answerKey struct {
	deps *dependencies // nil: the answer is not kept
	key  []byte
}

// identify finds out whether the answer of the page may be kept, and under which key.
func (p *page) identify() error {
	d := p.req.db
	if !d.keepsAnswers || p.inTx || len(p.ranges) == 0 || p.req.Caller().IsSystem() {
		return nil
	}
	deps, err := p.dependencies()
	if err != nil || deps.UsesNow {
		return err
	}
	p.deps = deps
	p.answerKey.key = p.appendKey(p.req.key[:0])
	p.req.key = p.answerKey.key
	return nil
}

// known returns an answer that is valid without a look into the database, or nil.
func (p *page) known() *kept {
	if p.deps == nil {
		return nil
	}
	d := p.req.db
	state, ok := d.store.State()
	if !ok {
		return nil
	}
	seen := d.seen.at(state)
	if seen == nil || !p.req.accepts(seen) {
		return nil
	}
	version := seen.version(p.deps.SQL)
	if version == nil {
		return nil
	}
	return d.find(p.answerKey.key, version)
}

// look looks for a kept answer, in the cheapest way first.
func (p *page) look(ctx context.Context) (err error) {
	if p.found = p.known(); p.found == nil {
		p.found, err = p.reuse(ctx)
		p.reused = p.found != nil
	}
	if p.found == nil && err == nil {
		p.found, err = p.check(ctx)
	}
	return err
}

// lookups is the class of reads that look whether a kept answer is valid.
var lookups = gate.Class{Best: gate.Own, AssumedFast: true}

// check looks whether an answer that is kept is still valid. It returns nil if none is. It has a turn of its own at the gate,
// so that the page is known by what it costs to read.
func (p *page) check(ctx context.Context) (found *kept, err error) {
	d := p.req.db
	old, ok := d.kept.Get(p.answerKey.key)
	if !ok || old.version == nil || !p.worthKeeping() {
		return nil, nil
	}
	err = p.req.pass(ctx, lookups, &d.lookups, func(reader store.Reader) error {
		reader.FinalStatement()
		began := time.Now()
		version, known, err := reader.Version(p.version[:0], p.deps.Tables)
		if err != nil || !known {
			return err
		}
		noteLately(&d.lookSpent, time.Since(began))
		p.version = version
		p.req.saw(reader, p.deps.SQL, version)
		if found = d.find(p.answerKey.key, version); found != nil {
			if found.probation.wanted > 0 {
				found.hits.Add(1)
			}
			p.refresh(found)
		}
		return nil
	})
	if found == nil && err == nil {
		p.outdated(old)
	}
	return found, err
}

// fetch returns a kept answer, or reads the page and appends it to dst. It may run more than once.
func (p *page) fetch(reader store.Reader, dst []byte) ([]byte, error) {
	p.found, p.versioned, p.tagged = nil, false, false
	p.text.Free()
	if p.deps == nil {
		return p.read(reader, dst)
	}
	if !p.worthKeeping() {
		return p.readUnversioned(reader, dst)
	}
	version, known, err := reader.Version(p.version[:0], p.deps.Tables)
	if err != nil {
		return nil, err
	}
	if !known {
		return p.readUnversioned(reader, dst)
	}
	p.version, p.versioned = version, true
	p.req.saw(reader, p.deps.SQL, version)
	d, key := p.req.db, p.answerKey.key
	if p.found = d.find(key, version); p.found != nil {
		p.refresh(p.found)
		p.noteCache(hit)
		return dst, nil
	}
	p.noteCache(miss)
	var body []byte
	result, done, err := p.once(key, version, func() (*kept, error) {
		if body, err = p.readTimed(reader, dst); err != nil {
			return nil, err
		}
		return p.keep(body[len(dst):], version), nil
	})
	switch {
	case err != nil:
		return nil, err
	case !done:
		return p.read(reader, dst)
	case body == nil:
		p.noteCache(shared)
		p.found = result
		return dst, nil
	}
	return body, nil
}

// keep returns the answer for the cache, or nil if it is too large.
func (p *page) keep(json []byte, version []int64) *kept {
	d, table := p.req.db, p.req.db.tables[p.shape.Table]
	if !d.kept.Fits(p.answerKey.key, p.text.Len()+len(json)+8*len(version)) {
		table.tooLarge.Add(1)
		return nil
	}
	p.setTag(json)
	made := &kept{table: table, version: slices.Clone(version), json: p.text.Join(nil, json), tag: p.tag, rows: p.rows}
	if !d.quickVersions {
		if old, ok := d.kept.Get(p.answerKey.key); ok {
			made.probation = old.probation
		}
	}
	p.refresh(made)
	return made
}

// setTag sets the tag of the answer, which ends in json, unless it is set.
func (p *page) setTag(json []byte) {
	if !p.tagged {
		p.tag, p.tagged = p.req.db.tags.tag(&p.text, json), true
	}
}

// refresh notes that an answer was current when the page was asked for.
func (p *page) refresh(answer *kept) {
	if p.begun != nil {
		answer.checked.Store(p.begun)
	}
}

// readUnversioned reads a page without its version. Its answer is kept for as long as it may be reused without one. Otherwise
// it counts in the probation of the page.
func (p *page) readUnversioned(reader store.Reader, dst []byte) ([]byte, error) {
	body, err := p.readTimed(reader, dst)
	if err != nil {
		return body, err
	}
	if p.begun == nil {
		p.observe(body[len(dst):])
		return body, nil
	}
	if made := p.keep(body[len(dst):], nil); made != nil {
		p.req.db.kept.Put(p.answerKey.key, made)
	}
	return body, nil
}

// worthwhile is how long a page must take on an engine whose look-up is a statement of its own. A shorter one is on probation.
const worthwhile = time.Millisecond

// worthKeeping reports whether a look for the version is likely to cost less than the page. On SQLite it takes 1 µs for each
// table. On PostgreSQL it takes a turn on the wire, as most lists do.
func (p *page) worthKeeping() bool {
	d := p.req.db
	return d.quickVersions || p.query.Total || p.deps.spent() >= d.worthwhile || p.isProven()
}

// readTimed is read for a page whose time decides whether it is worth keeping.
func (p *page) readTimed(reader store.Reader, dst []byte) ([]byte, error) {
	if p.req.db.quickVersions {
		return p.read(reader, dst)
	}
	began := time.Now()
	body, err := p.read(reader, dst)
	if err == nil {
		noteLately(&p.deps.Spent, time.Since(began))
	}
	return body, err
}

// answer returns the answer that was read or found.
func (p *page) answer(body []byte, before int) Answer {
	if p.found != nil {
		return Answer{JSON: p.found.json, Tag: p.found.tag, Shared: true, Public: p.req.public(p.shape), page: p, kept: p.found}
	}
	json := body[before:]
	p.setTag(json)
	return Answer{Begun: &p.text, JSON: json, Tag: p.tag, Public: p.req.public(p.shape)}
}

// statementsID names statements with their parameters.
func statementsID(text []byte) string {
	sum := sha256.Sum256(text)
	return string(sum[:16])
}
