package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// program is one of the node's own.
type program struct {
	name string
	pid  int
}

// start starts a program of the node; its output goes to a log of its name.
func (n node) start(name string, args ...string) (program, error) {
	log, err := os.OpenFile(n.path(name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return program{}, err
	}
	defer log.Close()
	cmd := exec.Command(n.path("bin", name), args...)
	cmd.Env = []string{"PATH=" + n.path("bin") + ":" + os.Getenv("PATH"), "HOME=/"}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return program{}, fmt.Errorf("starting %s: %w", name, err)
	}
	return program{name: name, pid: cmd.Process.Pid}, nil
}

// untilListening waits for a socket that the program makes.
func (p program) untilListening(path string) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		var status unix.WaitStatus
		if pid, _ := unix.Wait4(p.pid, &status, unix.WNOHANG, nil); pid == p.pid {
			return p.ended(status)
		}
		if time.Now().After(end) {
			return fmt.Errorf("expected %s to make %s within a minute, found no such socket", p.name, path)
		}
	}
}

// supervise is what process 1 owes its namespace: it waits for every process
// that nobody else waits for. It returns when one of the programs has ended.
func supervise(programs ...program) error {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting for the programs of the node: %w", err)
		}
		for _, p := range programs {
			if p.pid == pid {
				return p.ended(status)
			}
		}
	}
}

func (p program) ended(status unix.WaitStatus) error {
	if status.Signaled() {
		return fmt.Errorf("%s was ended by %s", p.name, status.Signal())
	}
	return fmt.Errorf("%s ended with exit code %d", p.name, status.ExitStatus())
}
