// Package deploytest tests what stands in the folder deploy.
package deploytest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A builder is buildah and podman with a storage of their own, which the test removes.
type builder struct {
	t       *testing.T
	storage []string
}

// newBuilder skips the test where containers cannot be built and run.
func newBuilder(t *testing.T) *builder {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("*** THE IMAGE IS NOT TESTED: run this as root on Linux")
	}
	for _, program := range []string{"buildah", "podman", "runc"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("*** THE IMAGE IS NOT TESTED: install buildah, podman and runc")
		}
	}
	// Not t.TempDir: podman mounts there, and sockets in it have at most 108 bytes for their names.
	folder, err := os.MkdirTemp("", "ship")
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{t, []string{"--root", filepath.Join(folder, "s"), "--runroot", filepath.Join(folder, "r"), "--storage-driver", "vfs"}}
	t.Cleanup(func() {
		if out, err := b.podman("system", "reset", "--force"); err != nil {
			t.Logf("podman system reset: %v\n%s", err, out)
		}
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	return b
}

// build builds the image from a folder and returns the hashes of its layers. The id of an image in Docker's format differs each
// time, since buildah writes the name of its working container into it.
func (b *builder) build(folder string) string {
	b.t.Helper()
	out, err := b.run("buildah", append(b.storage, "bud", "--quiet", "--format", "docker", "--isolation", "chroot", "--timestamp", "0",
		"--file", filepath.Join(deploy, "Dockerfile"), "--tag", "ashlar", folder)...)
	if err != nil {
		b.t.Fatalf("buildah: %v\n%s", err, out)
	}
	layers, err := b.podman("image", "inspect", "--format", "{{.RootFS.Layers}}", strings.TrimSpace(out))
	if err != nil || len(layers) < 64 {
		b.t.Fatalf("the layers %q: %v", layers, err)
	}
	return strings.TrimSpace(layers)
}

// podman runs a command of podman. Where systemd is not the first process, it manages control groups itself.
func (b *builder) podman(args ...string) (string, error) {
	return b.run("podman", append(append([]string{"--cgroup-manager", "cgroupfs", "--runtime", "runc"}, b.storage...), args...)...)
}

// patience bounds a command of a builder.
const patience = 2 * time.Minute

// run returns what a command writes to stdout. An error has what it wrote to stderr.
func (b *builder) run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var messages strings.Builder
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, messages.String())
	}
	return string(out), err
}

// A container is one that serves an app on two addresses of this machine.
type container struct {
	*builder
	url, operate string
}

// forbidden matches what podman says where nobody may run containers with a limit of memory.
var forbidden = regexp.MustCompile(`(?i)operation not permitted|permission denied|cgroup`)

// start starts the image as deploy/compose.yaml does, in 64 MB, with the system calls that the unit of systemd allows.
func (b *builder) start(app string) *container {
	b.t.Helper()
	c := &container{b, freeAddress(b.t), freeAddress(b.t)}
	args := []string{"run", "--detach", "--name", "app", "--network", "host", "--read-only", "--memory", "64m", "--memory-swap", "64m",
		"--cap-drop", "all", "--security-opt", "no-new-privileges", "--security-opt", "seccomp=" + writeFilter(b.t),
		"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=512:512", // the usual ones are more than a container in a container may have
		"--volume", app + ":/app:ro", "--volume", "data:/data",
		"--env", "ASHLAR_LISTEN=" + c.url, "--env", "ASHLAR_OPERATE_LISTEN=" + c.operate, "ashlar"}
	if out, err := b.podman(args...); err != nil {
		if forbidden.MatchString(err.Error()) {
			b.t.Skipf("*** THE IMAGE IS NOT TESTED: this machine runs no containers: %v", err)
		}
		b.t.Fatalf("podman run: %v\n%s", err, out)
	}
	c.url, c.operate = "http://"+c.url, "http://"+c.operate
	b.t.Cleanup(func() {
		if b.t.Failed() {
			out, err := b.podman("logs", "app")
			b.t.Logf("%v\n%s", err, out)
		}
		_, _ = b.podman("rm", "--force", "app")
	})
	c.wait()
	return c
}

// wait waits until the server is ready, as the check of the image sees it.
func (c *container) wait() {
	c.t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if _, err = c.podman("exec", "app", "/ashlar", "health"); err == nil {
			return
		}
	}
	c.t.Fatalf("the server is not ready: %v", err)
}

// inspect returns one field of the container.
func (c *container) inspect(field string) string {
	c.t.Helper()
	out, err := c.podman("inspect", "--format", "{{"+field+"}}", "app")
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// process returns a file of the server's process under /proc.
func (c *container) process(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", c.inspect(".State.Pid"), name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// imageFolder builds the binary, and returns a folder for the Dockerfile as `make release` writes it.
func imageFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	binary := filepath.Join(folder, "linux", runtime.GOARCH, "ashlar")
	if err := errors.Join(os.Mkdir(filepath.Join(folder, "data"), 0o755), os.MkdirAll(filepath.Dir(binary), 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, "./cmd/ashlar")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return folder
}
