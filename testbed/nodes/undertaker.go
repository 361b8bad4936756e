package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// undertaker is a process beside this one that ends what this one started
// when this one ends, even if it is killed: it reads a pipe that only this
// one holds open.
type undertaker struct {
	mu   sync.Mutex
	pipe io.Writer
}

// undertakerCommand is the argument that makes this program an undertaker.
const undertakerCommand = "undertaker"

func callUndertaker() (*undertaker, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, undertakerCommand)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the undertaker: %w", err)
	}
	return &undertaker{pipe: pipe}, nil
}

// start starts a process that leads a group, and has the group ended with this process.
func (u *undertaker) start(cmd *exec.Cmd) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(u.pipe, "+%d\n", cmd.Process.Pid); err != nil {
		_ = killGroup(cmd.Process.Pid)
		return fmt.Errorf("telling the undertaker: %w", err)
	}
	return nil
}

// buried says that a group has ended, so that its number may be somebody else's.
func (u *undertaker) buried(pid int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, _ = fmt.Fprintf(u.pipe, "-%d\n", pid) // without an undertaker nothing could be started either
}

// bury is the undertaker's own work: it ends every group that was started and not buried by the end of the input.
func bury(input io.Reader, kill func(pid int) error) error {
	alive := map[int]bool{}
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		var sign rune
		var pid int
		if _, err := fmt.Sscanf(lines.Text(), "%c%d", &sign, &pid); err != nil || pid <= 1 {
			return fmt.Errorf("expected + or - and the number of a process, found %q", lines.Text())
		}
		if sign == '+' {
			alive[pid] = true
		} else {
			delete(alive, pid)
		}
	}
	for pid := range alive {
		if err := kill(pid); err != nil {
			return err
		}
	}
	return lines.Err()
}
