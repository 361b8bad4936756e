package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// keep starts the node and stays until standard input ends, or the node does.
// Then nothing of it is left: no process, no mount, no cgroup.
func (n node) keep() (err error) {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	sweep(all)
	name := cgroupOf(n.keeper)
	defer func() { err = errors.Join(err, remove(all, name)) }()
	if err := create(all, name); err != nil {
		return err
	}

	outside, err := forward("unix", n.path("apiserver.sock"), "tcp", n.apiServer)
	if err != nil {
		return err
	}
	defer outside.Close()

	// The parent whose death ends the child is a thread, not a process.
	runtime.LockOSThread()
	cmd := exec.Command("/proc/self/exe", n.args("enter")...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("making namespaces for the node: %w", err)
	}
	asked := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(asked)
		_ = cmd.Process.Kill() // it may have ended by itself
	}()
	// The end of process 1 is reported when all others of its namespace have ended.
	ended := cmd.Wait()
	select {
	case <-asked:
		return nil
	default:
		if n.probe && ended == nil {
			return nil
		}
		return fmt.Errorf("the node ended: %w", ended)
	}
}

// enter moves this process, and with it the node, into the cgroups that were
// made for it, and goes on as if they were the root of all cgroups.
func (n node) enter() error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		procs := filepath.Join(h.mountPoint, cgroupOf(n.keeper), "cgroup.procs")
		if err := os.WriteFile(procs, []byte("0"), 0); err != nil {
			return fmt.Errorf("moving into the cgroup of the node: %w", err)
		}
	}
	// A thread alone changes its namespace; the program that it executes has it then.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("making a cgroup namespace: %w", err)
	}
	return unix.Exec("/proc/self/exe", append([]string{"keeper"}, n.args("init")...), os.Environ())
}
