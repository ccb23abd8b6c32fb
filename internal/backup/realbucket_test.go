package backup

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

const versitygwVersion = "v1.8.0"

// findGateway returns the program of versitygw, which it installs once into the cache of the user.
func findGateway(t *testing.T) string {
	t.Helper()
	if program, err := exec.LookPath("versitygw"); err == nil {
		return program
	}
	if !effort.Nightly() {
		t.Skip("versitygw is not installed: ASHLAR_NIGHTLY=1 installs it")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "ashlar-tests", "versitygw-"+versitygwVersion)
	program := filepath.Join(folder, "versitygw")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	cmd := exec.CommandContext(t.Context(), "go", "install", "github.com/versity/versitygw/cmd/versitygw@"+versitygwVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+folder, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// start runs a server until the test ends, and waits until it answers.
func start(t *testing.T, address string, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %v", cmd.Path, err)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Versitygw, which checks signatures, takes a backup and refuses a wrong secret.
func TestVersitygw(t *testing.T) {
	program := findGateway(t)
	root, address := t.TempDir(), freeAddress(t)
	if err := os.Mkdir(filepath.Join(root, "careers"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--port", address, "posix", root)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY=id", "ROOT_SECRET_KEY=very secret")
	start(t, address, cmd)
	backUpTo(t, address)
	_, err := openReal(t, address, "careers", "wrong").List(t.Context(), "")
	if errs.KindOf(err) != errs.Forbidden || !strings.Contains(err.Error(), "refuses the keys") {
		t.Errorf("List() with a wrong secret = %v", err)
	}
	_, err = openReal(t, address, "missing", "very secret").List(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "there is no bucket missing") {
		t.Errorf("List() of a missing bucket = %v", err)
	}
}

// Moto takes a backup. It does not check signatures.
func TestMoto(t *testing.T) {
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto is not installed: pip install 'moto[server,s3]'")
	}
	address := freeAddress(t)
	host, port, _ := net.SplitHostPort(address)
	start(t, address, exec.Command(program, "-H", host, "-p", port))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+"/careers", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=id/20261128/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x")
	res, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	backUpTo(t, address)
}

func openReal(t *testing.T, address, bucket, secret string) target.Target {
	t.Helper()
	to, err := target.Open("s3://"+bucket+"/daily?endpoint=http://"+address, func(name string) string {
		return map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": secret}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// backUpTo takes, verifies, restores and removes a backup of several parts.
func backUpTo(t *testing.T, address string) {
	t.Helper()
	to := openReal(t, address, "careers", "very secret")
	if err := target.Probe(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, 1000)
	m := take(t, w, to, Options{partSize: 8 << 10})
	if len(m.Parts) < 2 {
		t.Errorf("the backup has %d parts, want several", len(m.Parts))
	}
	err := to.Put(t.Context(), m.ID+"/"+manifestName, strings.NewReader("{}"))
	if errs.KindOf(err) != errs.Conflict {
		t.Errorf("Put() of an existing object = %v, want a conflict", err)
	}
	if _, err := Verify(t.Context(), to, m.ID, nil, nil); err != nil {
		t.Error(err)
	}
	if _, err := Restore(t.Context(), to, "", into(filepath.Join(t.TempDir(), "new")), nil, nil); err != nil {
		t.Error(err)
	}
	if err := Remove(t.Context(), to, m.ID); err != nil {
		t.Error(err)
	}
	if left, err := to.List(t.Context(), ""); err != nil || len(left) > 0 {
		t.Errorf("Remove() left %v, %v", left, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := to.List(ended, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("List() after its context = %v", err)
	}
}
