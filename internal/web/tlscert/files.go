package tlscert

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// FilesConfig configures OpenFiles. The zero value works.
type FilesConfig struct {
	Every  time.Duration    // between two looks at the files; default: 10 s
	Logger *slog.Logger     // default: no log
	Now    func() time.Time // default: time.Now
}

// Files is a Source with one certificate in files.
type Files struct {
	cert, key string
	cfg       FilesConfig
	pair      atomic.Pointer[tls.Certificate]

	mu     sync.Mutex
	text   content // of pair
	failed content // that was refused last
	seen   bool    // failed was seen twice, and is told
	err    string
	since  time.Time // of err
	told   time.Time // when the end was warned of last
}

// content is the content of both files.
type content struct{ cert, key []byte }

func (c content) equal(other content) bool {
	return bytes.Equal(c.cert, other.cert) && bytes.Equal(c.key, other.key)
}

// OpenFiles reads a certificate and its key. It refuses a pair that no client would accept.
func OpenFiles(cert, key string, cfg FilesConfig) (*Files, error) {
	if cfg.Every == 0 {
		cfg.Every = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	f := &Files{cert: cert, key: key, cfg: cfg}
	text, err := f.read()
	if err != nil {
		return nil, err
	}
	pair, err := parse(text.cert, text.key, cfg.Now())
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", cert, key, err)
	}
	f.take(text, pair)
	return f, nil
}

func (f *Files) take(text content, pair *tls.Certificate) {
	f.text, f.failed, f.seen, f.err, f.since = text, content{}, false, "", time.Time{}
	f.pair.Store(pair)
}

// mostBytes bounds a file. A chain has some kilobytes.
const mostBytes = 1 << 20

func (f *Files) read() (text content, err error) {
	if text.cert, err = readFile(f.cert); err != nil {
		return text, err
	}
	text.key, err = readFile(f.key)
	return text, err
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, mostBytes+1))
	if err == nil && len(text) > mostBytes {
		err = fmt.Errorf("%s has more than %d bytes: it is no certificate and no key", path, mostBytes)
	}
	return text, err
}

// Readable returns advice if other users of the machine may read the key, else "".
func Readable(key string) string {
	info, err := os.Stat(key)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o007 == 0 {
		return ""
	}
	return fmt.Sprintf("other users of this machine may read %s (mode %04o): chmod 0640 or 0600, or defaultMode: 0400 of a volume in Kubernetes", key, info.Mode().Perm())
}

// Certificate implements Source. Every name gets the one certificate: a client refuses a wrong one by itself.
func (f *Files) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.pair.Load(), nil
}

// Status implements Source.
func (f *Files) Status() []Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	status := statusOf(f.pair.Load(), f.cert)
	status.Error, status.Failed = f.err, f.since
	return []Status{status}
}

// Run implements Source: it takes a new pair when the files change.
//
// It compares the content, not the time of the files. Kubernetes swaps a symbolic link, some tools keep the time of a copy, and
// two small files cost 30 µs to read.
func (f *Files) Run(ctx context.Context) error {
	if advice := Readable(f.key); advice != "" {
		f.cfg.Logger.Warn("the key of the certificate is not secret", "advice", advice)
	}
	ticker := time.NewTicker(f.cfg.Every)
	defer ticker.Stop()
	for {
		f.look()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// look takes a changed pair. Two files do not change at the same moment, so a pair that is refused is told only when a second
// look finds it again. The old pair stays in use.
func (f *Files) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.warnOfEnd()
	text, err := f.read()
	if err == nil && text.equal(f.text) {
		f.failed, f.seen, f.err, f.since = content{}, false, "", time.Time{}
		return
	}
	var pair *tls.Certificate
	if err == nil {
		pair, err = parse(text.cert, text.key, f.cfg.Now())
	}
	if err == nil {
		f.take(text, pair)
		f.cfg.Logger.Info("took the new certificate", "file", f.cert, "names", namesOf(pair.Leaf), "ends", pair.Leaf.NotAfter.UTC())
		return
	}
	again := f.err != "" && text.equal(f.failed)
	if !again {
		f.failed, f.seen, f.err, f.since = text, false, err.Error(), f.cfg.Now()
		return
	}
	if !f.seen {
		f.seen = true
		f.cfg.Logger.Warn("the new certificate is refused, the old one stays in use: mend the files", "file", f.cert, "key", f.key, "error", err,
			"ends", f.pair.Load().Leaf.NotAfter.UTC())
	}
}

// warnOfEnd warns once a day of a certificate that ends soon. The caller holds mu.
func (f *Files) warnOfEnd() {
	status, now := statusOf(f.pair.Load(), f.cert), f.cfg.Now()
	if status.EndsSoon(now) && now.Sub(f.told) >= 24*time.Hour {
		f.told = now
		f.cfg.Logger.Warn("the certificate ends soon: renew it", "file", f.cert, "ends", status.NotAfter.UTC(), "days_left", daysLeft(status.NotAfter, now))
	}
}

func daysLeft(end, now time.Time) int { return int(end.Sub(now).Hours() / 24) }
