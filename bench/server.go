package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is one of the measured programs.
type server struct {
	name       string
	durability string
	binary     string
	args       []string
	port       int
	log        string
	tokens     []string // of the first users
	dialect    dialect
	backends   func() []int // processes of its database, if their CPU counts

	cmd  *exec.Cmd
	idle int64 // bytes resident after the start
	cold time.Duration
}

// dialect writes the requests of a server.
type dialect interface {
	id(id string) string // id of the row on this server
	get(table, id string) string
	list(status string) string
	own() string // the caller's notes
	create() string
	patch(table, id string) string
	cursorOf(body []byte) string
}

// copyOf returns a server of the same app with more flags. It has no place yet.
func (s *server) copyOf(flags ...string) *server {
	made := *s
	made.args = append(slices.Clone(s.args), flags...)
	return &made
}

func (s *server) url() string { return "http://127.0.0.1:" + strconv.Itoa(s.port) }

// start runs the program and waits for the first 200 of a path.
func (s *server) start(ctx context.Context, path string) error {
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	s.cmd = exec.CommandContext(ctx, s.binary, s.args...)
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = 20 * time.Second
	s.cmd.Stdout, s.cmd.Stderr = out, out
	begun := time.Now()
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return err
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for time.Since(begun) < 30*time.Second && ctx.Err() == nil {
		res, err := client.Get(s.url() + path)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				s.cold = time.Since(begun)
				return nil
			}
		}
		time.Sleep(time.Millisecond)
	}
	return errors.Join(fmt.Errorf("%s did not answer %s; its log is %s", s.name, path, tail(s.log)), s.stop())
}

func tail(path string) string {
	b, _ := os.ReadFile(path)
	return string(b[max(0, len(b)-2000):])
}

// stop ends the started program.
func (s *server) stop() error {
	if s.cmd == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	err := s.cmd.Wait()
	s.cmd = nil
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		return nil // a signal ends most of them
	}
	return err
}

// cpu returns the CPU time of the program so far, with its database if it counts.
func (s *server) cpu() time.Duration {
	all := cpuOf(s.cmd.Process.Pid)
	if s.backends != nil {
		for _, pid := range s.backends() {
			all += cpuOf(pid)
		}
	}
	return all
}

func cpuOf(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(after)
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is a line of /proc/PID/status, in bytes: VmRSS, or VmHWM for its peak.
func (s *server) memory(key string) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), key+":")
	f := strings.Fields(after)
	kib, _ := strconv.ParseInt(f[0], 10, 64)
	return kib << 10
}

// forgetPeak lets VmHWM begin anew from what is resident now.
func (s *server) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0)
}

func (s *server) size() int64 {
	info, err := os.Stat(s.binary)
	if err != nil {
		return 0
	}
	return info.Size()
}

// command runs a program to its end.
func command(ctx context.Context, dir string, env []string, stdin string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, append(os.Environ(), env...), strings.NewReader(stdin)
	var errOut strings.Builder
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, errOut.String())
	}
	return string(out), nil
}

// needWrk fetches the load generator if it is missing.
func needWrk(ctx context.Context) error {
	if _, err := exec.LookPath("wrk"); err == nil {
		return nil
	}
	if os.Geteuid() != 0 {
		return errors.New("wrk is missing: install it (apt-get install wrk), or run this as root")
	}
	say("fetching wrk")
	if _, err := command(ctx, "", nil, "", "apt-get", "update", "-qq"); err != nil {
		return err
	}
	_, err := command(ctx, "", []string{"DEBIAN_FRONTEND=noninteractive"}, "", "apt-get", "install", "-y", "-qq", "wrk")
	return err
}

// build compiles a program of a module. PocketBase needs a newer Go than ours; Go fetches it.
func build(ctx context.Context, dir, pkg, to string) error {
	say("building %s", filepath.Base(to))
	_, err := command(ctx, dir, []string{"CGO_ENABLED=0", "GOTOOLCHAIN=auto", "GOWORK=off"}, "",
		"go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", to, pkg)
	return err
}
